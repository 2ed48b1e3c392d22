// Sets the colours before anything is drawn: as the system has them, or as somebody chose.
(() => {
  const chosen = localStorage.getItem("lastword.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
