// Reads the server's events with fetch, so that the token is sent in a header and never in an address. If the
// connection is lost, it asks again with back-off, from the last event: no close comes twice, and missed ones are
// counted.

const SILENCE_MS = 5_000;
const BACK_OFF_MS = [500, 1_000, 2_000, 4_000, 8_000];

const TOKEN = "lastword.token";
export const token = {
  read: () => sessionStorage.getItem(TOKEN),
  write: (text) => sessionStorage.setItem(TOKEN, text),
  forget: () => sessionStorage.removeItem(TOKEN),
};

/** Asks the server, with the token if there is one. */
export function ask(path, options = {}) {
  const shown = token.read();
  const headers = { ...options.headers, ...(shown ? { Authorization: `Bearer ${shown}` } : {}) };
  return fetch(path, { cache: "no-store", ...options, headers });
}

/** Follows the server forever. `on` has event(data), joined(), gone(retryAtMs, why), refused(). */
export class Stream {
  #on;
  #lastId;
  #tries = 0;
  #wake;

  constructor(on) {
    this.#on = on;
  }

  async run() {
    for (;;) {
      const why = await this.#follow().catch((error) => (error.name === "AbortError" ? "it sends nothing" : "it does not answer"));
      if (why === "token") await this.#wait();
      else await this.#wait(this.#delay(), why);
    }
  }

  /** Retries at once. */
  retry() {
    this.#wake?.();
  }

  #delay() {
    const most = BACK_OFF_MS[Math.min(this.#tries, BACK_OFF_MS.length - 1)];
    this.#tries += 1;
    return most * (0.5 + Math.random() / 2);
  }

  #wait(ms, why) {
    if (ms === undefined) this.#on.refused();
    else this.#on.gone(Date.now() + ms, why);
    return new Promise((wake) => {
      const timer = ms === undefined ? undefined : setTimeout(wake, ms);
      this.#wake = () => {
        clearTimeout(timer);
        wake();
      };
    });
  }

  /** Reads one answer to its end, and returns why it ended. */
  async #follow() {
    const silence = new AbortController();
    let watchdog = setTimeout(() => silence.abort(), SILENCE_MS);
    try {
      const headers = this.#lastId ? { "Last-Event-ID": this.#lastId } : {};
      const answer = await ask("/api/live", { headers, signal: silence.signal });
      if (answer.status === 401) return "token";
      if (!answer.ok) return (await answer.text()).trim();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (const parser = new Parser(); ; ) {
        const { value, done } = await reader.read();
        if (done) return "it ended the connection";
        clearTimeout(watchdog);
        watchdog = setTimeout(() => silence.abort(), SILENCE_MS);
        for (const { id, data } of parser.feed(value)) {
          this.#tries = 0;
          this.#lastId = id;
          this.#on.event(JSON.parse(data));
        }
      }
    } finally {
      clearTimeout(watchdog);
    }
  }
}

/** Cuts a text into events, however the text was split on its way. */
class Parser {
  #rest = [];

  *feed(text) {
    // An incomplete event is kept in pieces, and joined only once.
    if (!text.includes("\n") && this.#rest.length > 0) {
      this.#rest.push(text);
      return;
    }
    const all = this.#rest.join("") + text;
    const blocks = all.split("\n\n");
    this.#rest = [blocks.pop()];
    for (const block of blocks) {
      const event = { id: undefined, data: "" };
      for (const line of block.split("\n")) {
        if (line.startsWith("id: ")) event.id = line.slice(4);
        else if (line.startsWith("data: ")) event.data += line.slice(6);
      }
      if (event.data) yield event;
    }
  }
}
