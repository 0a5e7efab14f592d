import { random } from "./rows.js";

/** Random choices, deterministic by seed. */
export class Dice {
  private readonly roll: () => number;

  constructor(seed: number) {
    this.roll = random(Math.imul(seed, 2_654_435_761));
  }

  /** Whether something of this probability happens. */
  chance(probability: number): boolean {
    return this.roll() < probability;
  }

  /** A whole number, both ends included. */
  int(minimum: number, maximum: number): number {
    return minimum + Math.floor(this.roll() * (maximum - minimum + 1));
  }

  pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.roll() * values.length)]!;
  }

  /** Distinct values in random order. */
  some<T>(values: readonly T[], minimum: number, maximum: number): T[] {
    const remaining = [...values];
    const count = Math.min(remaining.length, this.int(minimum, maximum));
    return Array.from({ length: count }, () => remaining.splice(Math.floor(this.roll() * remaining.length), 1)[0]!);
  }

  /** Runs one of the choices, each with a probability by its weight. */
  either<T>(...choices: [weight: number, choose: () => T][]): T {
    let rest = this.roll() * choices.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, choose] of choices) {
      rest -= weight;
      if (rest < 0) return choose();
    }
    return choices.at(-1)![1]();
  }
}
