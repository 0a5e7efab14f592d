import { random } from "./rows.js";

/** Choices that are the same for the same seed. */
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
  int(least: number, most: number): number {
    return least + Math.floor(this.roll() * (most - least + 1));
  }

  pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.roll() * values.length)]!;
  }

  /** Some of these, each once, in any order. */
  some<T>(values: readonly T[], least: number, most: number): T[] {
    const left = [...values];
    const count = Math.min(left.length, this.int(least, most));
    return Array.from({ length: count }, () => left.splice(Math.floor(this.roll() * left.length), 1)[0]!);
  }

  /** One of these ways, each as likely as its weight says. */
  either<T>(...ways: [weight: number, way: () => T][]): T {
    let rest = this.roll() * ways.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, way] of ways) {
      rest -= weight;
      if (rest < 0) return way();
    }
    return ways.at(-1)![1]();
  }
}
