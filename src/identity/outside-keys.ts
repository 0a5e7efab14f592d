import {
  createRemoteJWKSet,
  customFetch,
  type ExportedJWKSCache,
  errors,
  type FlattenedJWSInput,
  type JWSHeaderParameters,
  jwksCache,
} from "jose";
import type { Logger } from "../telemetry/logger.js";

/** Keys are read again this often while tokens come in, so that one withdrawn by the issuer stops counting. */
const refreshMs = 600_000;
const timeoutMs = 2_000;
/** Rate limit of key reloads for unknown key ids: this burst, then one every two seconds. */
const burst = 5;
const refillMs = 2_000;
const maximumBytes = 262_144;

/**
 * Cached JWKS of an external issuer. Cached keys stay valid while the issuer is unreachable; only tokens with an unknown
 * key id wait for a reload, at most 2 s.
 */
export class OutsideKeys {
  // jose puts a new object in here in the moment it changes over to it.
  private readonly cache: Partial<ExportedJWKSCache> = {};
  private readonly remote: ReturnType<typeof createRemoteJWKSet>;
  private readAt = Number.NEGATIVE_INFINITY;
  private budget = burst;
  private budgetAt = performance.now();
  private pausedUntil = Number.NEGATIVE_INFINITY;
  private failing = false;

  constructor(
    url: string,
    private readonly log: Logger,
  ) {
    this.remote = createRemoteJWKSet(new URL(url), {
      timeoutDuration: timeoutMs,
      cooldownDuration: 0, // `allowed` decides
      cacheMaxAge: Number.POSITIVE_INFINITY,
      [jwksCache]: this.cache as ExportedJWKSCache,
      [customFetch]: (address, options) => this.fetch(address, options),
    });
    this.refresh();
  }

  /** Stands for the present set of keys: another object after every reading. */
  get current(): object | undefined {
    return this.cache.jwks;
  }

  /** The key for a token's header, as jose asks for it. */
  readonly find = async (header: JWSHeaderParameters, token: FlattenedJWSInput) => {
    if (performance.now() - this.readAt > refreshMs) this.refresh();
    return this.remote(header, token).catch((cause: unknown) => {
      throw cause instanceof errors.JOSEError ? cause : new errors.JWKSNoMatchingKey(undefined, { cause });
    });
  };

  /** Refreshes in the background; a failure keeps the current keys. */
  private refresh(): void {
    this.remote.reload().catch(() => {});
  }

  private async fetch(url: string, options: RequestInit): Promise<Response> {
    const start = performance.now();
    if (!this.allowed(start)) throw new TypeError("The issuer was asked a moment ago.");
    try {
      const response = await fetch(url, options);
      const text = await readBody(response);
      if (response.status !== 200) throw new Error(`It answered ${response.status}.`);
      if (!Array.isArray(JSON.parse(text)?.keys)) throw new Error("It sent no set of keys.");
      this.readAt = performance.now();
      if (this.failing) this.log.info("The outside issuer's keys can be read again.");
      this.failing = false;
      return new Response(text, { status: 200 });
    } catch (error) {
      // The longer it keeps callers waiting, the less often one has to.
      this.pausedUntil = performance.now() + 5 * (performance.now() - start);
      if (!this.failing) {
        const { name, message, cause } = error as Error & { cause?: { code?: string } };
        this.log.warn("The outside issuer's keys cannot be read; those known so far still count.", {
          reason: cause?.code ?? (name === "Error" ? message : name),
        });
      }
      this.failing = true;
      throw error;
    }
  }

  private allowed(now: number): boolean {
    if (now < this.pausedUntil) return false;
    this.budget = Math.min(burst, this.budget + (now - this.budgetAt) / refillMs);
    this.budgetAt = now;
    if (this.budget < 1) return false;
    this.budget--;
    return true;
  }
}

/** The text of an answer, unless it is far too long. */
export async function readBody(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maximumBytes) throw new Error("It sent too much.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
