/** Runs what is asked for at once, and then at most once per interval; what is asked meanwhile runs once, at its end. */
export class Pacer {
  readonly #milliseconds: number;
  readonly #waiting = new Map<string, (() => unknown) | null>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  run(name: string, work: () => unknown): void {
    if (this.#waiting.has(name)) {
      this.#waiting.set(name, work);
      return;
    }
    this.#start(name, work);
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#waiting.clear();
  }

  #start(name: string, work: () => unknown): void {
    this.#waiting.set(name, null);
    Promise.resolve(work()).catch(() => undefined); // the next change asks again
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const next = this.#waiting.get(name);
      this.#waiting.delete(name);
      if (next) this.#start(name, next);
    }, this.#milliseconds);
    this.#timers.add(timer);
  }
}
