// Sets the colours before the page is drawn: those of the system, or those that the user chose.
(() => {
  const chosen = localStorage.getItem("lastword.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
