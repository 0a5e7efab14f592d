import bcrypt from "bcrypt";
import type pg from "pg";
import type { FoundDocument, FoundResource } from "./read.js";
import { type CheckedResource, type Link, type Mode, modeOfDocument, type TagStatement } from "./resource.js";
import { identifier, literal } from "./sql.js";

/**
 * The temporary tables of imports: private to the connection, spilled to disk by PostgreSQL, and dropped when the connection
 * ends.
 *
 * import_resources  resources that are not rejected. `seq` is their order in the files. `listed`: not in a file, but a row of
 *                   the database that a to-many relationship lists. `assumed`: the mode is not stated
 * import_links      foreign keys that to-many relationships set
 * import_tags       statements about tags
 * import_lists      complete lists of a mirror. `outdated`: a later statement of the owner is known
 * import_refused    rejected resources, to tell "was refused" from "does not exist"
 * import_erased     rows of customers who are anonymized in the database but not in the files
 * import_trails     resources that come with their audit trail
 * import_changed    resources that changed the database
 * import_issues     issues to report
 */
const tables = `
  CREATE TEMP SEQUENCE import_seq;
  CREATE TEMP TABLE import_resources (
    seq bigint NOT NULL, model text NOT NULL, type text NOT NULL, id text COLLATE "C" NOT NULL, mode mode NOT NULL,
    file int NOT NULL, line int NOT NULL, pointer text NOT NULL, listed bool NOT NULL DEFAULT false,
    assumed bool NOT NULL DEFAULT false, "row" jsonb NOT NULL, derived jsonb
  ) PARTITION BY LIST (model);
  CREATE TEMP TABLE import_links (
    seq bigint NOT NULL, model text NOT NULL, type text NOT NULL, id text COLLATE "C" NOT NULL, mode mode NOT NULL,
    assumed bool NOT NULL, columns text NOT NULL, value jsonb NOT NULL,
    by_type text NOT NULL, by_id text NOT NULL, file int NOT NULL, line int NOT NULL, pointer text NOT NULL
  );
  CREATE TEMP TABLE import_tags (
    seq bigint NOT NULL, what text NOT NULL, model text NOT NULL, owner text COLLATE "C" NOT NULL, tag text COLLATE "C",
    mode mode NOT NULL, assumed bool NOT NULL,
    by_type text NOT NULL, by_id text NOT NULL, file int NOT NULL, line int NOT NULL, pointer text NOT NULL
  );
  CREATE TEMP TABLE import_lists (
    seq bigint NOT NULL, model text NOT NULL, owner text COLLATE "C" NOT NULL, mode mode NOT NULL,
    listed text NOT NULL, ids jsonb NOT NULL, outdated bool NOT NULL
  );
  CREATE TEMP TABLE import_refused (type text NOT NULL, id text COLLATE "C" NOT NULL);
  CREATE INDEX ON import_refused (type, id);
  CREATE FUNCTION pg_temp.import_is_regex(regex text) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN PERFORM '' ~ regex; RETURN true; EXCEPTION WHEN invalid_regular_expression THEN RETURN false; END $$;
  CREATE TEMP TABLE import_erased (model text NOT NULL, id text COLLATE "C" NOT NULL, PRIMARY KEY (model, id));
  CREATE TEMP TABLE import_trails (model text NOT NULL, id text COLLATE "C" NOT NULL, PRIMARY KEY (model, id));
  CREATE TEMP TABLE import_changed (seq bigint PRIMARY KEY, created bool NOT NULL);
  CREATE TEMP TABLE import_issues (
    n bigserial, kind text NOT NULL, seq bigint, type text NOT NULL, id text, file int NOT NULL, line int NOT NULL,
    pointer text NOT NULL, reason text NOT NULL
  );
`;

/** Creates the temporary tables, or empties those of an earlier import on this connection. */
export async function createTables(client: pg.Client): Promise<void> {
  const { rows } = await client.query("SELECT to_regclass('pg_temp.import_resources') IS NOT NULL AS exist");
  if (rows[0].exist) return void (await client.query(emptyTables));
  await client.query("SET temp_buffers = '32MB'; SET work_mem = '32MB'");
  // Ends the statement soon after this process is killed, where the operating system supports it.
  await client.query("SET client_connection_check_interval = '1s'").catch(() => {});
  await client.query(tables);
}

/** Truncates only tables with rows: each truncation makes new files. */
const emptyTables = `
  DO $$ DECLARE name text; used bool; BEGIN
    FOR name IN SELECT oid::regclass FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r' AND relname ~ '^import_' LOOP
      EXECUTE format('SELECT EXISTS (SELECT FROM %s)', name) INTO used;
      IF used THEN EXECUTE format('TRUNCATE %s', name); END IF;
    END LOOP;
  END $$`;

/** Creates the partition of the staged resources of a model. */
export async function createPartition(client: pg.Client, model: string): Promise<void> {
  const name = identifier(`import_resources_${model}`);
  await client.query(
    `CREATE TEMP TABLE IF NOT EXISTS ${name} PARTITION OF import_resources FOR VALUES IN (${literal(model)})`,
  );
}

/** Size of a batch. */
const batchResources = 500;
const batchCharacters = 1024 * 1024;

/** Resources of documents that state their mode after them. */
interface LateMode {
  readonly from: number;
  to: number;
  readonly mode: Mode;
}

type Batch = Record<"resources" | "links" | "tags" | "lists" | "refused", string[]>;

/** Buffers validated resources and sends them to the temporary tables in batches. */
export class Staging {
  /** Number of accepted resources. */
  count = 0;
  private batch: Batch = { resources: [], links: [], tags: [], lists: [], refused: [] };
  private characters = 0;
  private readonly models = new Set<string>();
  private newModels = new Set<string>();
  private sending: Promise<void> = Promise.resolve();
  private withPassword: WithPassword[] = [];
  /** The document that is read, from its first resource without a mode on. */
  private open: { document: FoundDocument; from: number } | undefined;
  private readonly lateModes: LateMode[] = [];

  constructor(private readonly client: pg.Client) {}

  async add(resource: CheckedResource, file: number, { pointer, line, document }: FoundResource): Promise<void> {
    if (this.open?.document !== document) this.closeDocument();
    if (resource.isModeAssumed) this.open ??= { document, from: this.count + 1 };
    const location = { seq: ++this.count, file, line, pointer };
    const { password } = resource;
    const record = resourceRecord(resource, location);
    if (password === undefined) this.collect("resources", record);
    else {
      this.withPassword.push({ resource, password, location });
      this.characters += record.length;
    }
    if (!this.models.has(resource.model.name)) this.newModels.add(resource.model.name);
    this.models.add(resource.model.name);
    for (const link of resource.links) this.collect("links", linkRecord(resource, link, location));
    for (const tag of resource.tags) this.collect("tags", tagRecord(resource, tag, location));
    await this.addLists(resource, false);
  }

  /** Records the complete lists of a resource, `outdated` if a later statement of it is known. */
  async addLists({ lists, model, id, mode }: CheckedResource, outdated: boolean): Promise<void> {
    for (const { model: listed, ids } of lists) {
      this.collect(
        "lists",
        JSON.stringify({ seq: this.count, model: model.name, owner: id, mode, listed, ids, outdated }),
      );
    }
    if (this.isFull()) await this.flush();
  }

  /** Records that a resource with this id was rejected. */
  async refused(type: string, id: string): Promise<void> {
    this.collect("refused", JSON.stringify({ type, id }));
    if (this.isFull()) await this.flush();
  }

  /** Sends the buffer while the next batch is read; at most one batch is in flight. */
  private async flush(): Promise<void> {
    await this.sending;
    const { batch, withPassword, newModels } = this;
    this.batch = { resources: [], links: [], tags: [], lists: [], refused: [] };
    this.withPassword = [];
    this.newModels = new Set();
    this.characters = 0;
    this.sending = this.sendBatch(batch, withPassword, newModels);
    this.sending.catch(() => {}); // rejects the next await
  }

  /** Flushes the buffer, waits until everything is stored, and sets the modes that came after the resources. */
  async end(): Promise<void> {
    await this.flush();
    await this.sending;
    this.closeDocument();
    for (const table of ["import_resources", "import_links", "import_tags"]) {
      for (const { from, to, mode } of this.lateModes) {
        await this.client.query(`UPDATE ${table} SET mode = $1 WHERE assumed AND seq BETWEEN $2 AND $3`, [
          mode,
          from,
          to,
        ]);
      }
    }
  }

  /** Notes the mode of the document that is read, if it came after its resources. */
  closeDocument(): void {
    if (!this.open) return;
    const { from, document } = this.open;
    this.open = undefined;
    const mode = modeOfDocument(document.meta);
    if (mode === undefined) return;
    const last = this.lateModes.at(-1);
    if (last?.mode === mode && last.to === from - 1) last.to = this.count;
    else this.lateModes.push({ from, to: this.count, mode });
  }

  private async sendBatch(batch: Batch, withPassword: WithPassword[], models: ReadonlySet<string>): Promise<void> {
    for (const model of models) await createPartition(this.client, model);
    batch.resources.push(...(await this.hashPasswords(withPassword)));
    const location = "file int, line int, pointer text";
    const by = `by_type text, by_id text, ${location}`;
    await this.send(
      "import_resources",
      `seq bigint, model text, type text, id text, mode mode, assumed bool, ${location}, row jsonb, derived jsonb`,
      batch.resources,
    );
    await this.send(
      "import_links",
      `seq bigint, model text, type text, id text, mode mode, assumed bool, columns text, value jsonb, ${by}`,
      batch.links,
    );
    await this.send(
      "import_tags",
      `seq bigint, what text, model text, owner text, tag text, mode mode, assumed bool, ${by}`,
      batch.tags,
    );
    await this.send(
      "import_lists",
      "seq bigint, model text, owner text, mode mode, listed text, ids jsonb, outdated bool",
      batch.lists,
    );
    await this.send("import_refused", "type text, id text", batch.refused);
  }

  private isFull(): boolean {
    return (
      this.batch.resources.length + this.withPassword.length >= batchResources || this.characters >= batchCharacters
    );
  }

  private collect(table: keyof Batch, record: string) {
    this.characters += record.length;
    this.batch[table].push(record);
  }

  private async send(table: string, columns: string, records: string[]): Promise<void> {
    if (records.length === 0) return;
    const names = columns.replace(/ \w+(,|$)/g, "$1");
    await this.client.query(
      `INSERT INTO ${table} (${names}) SELECT ${names} FROM json_to_recordset($1) AS r (${columns})`,
      [`[${records.join()}]`],
    );
  }

  /** Keeps the digest of an unchanged password, so that importing again changes nothing. */
  private async hashPasswords(waiting: readonly WithPassword[]): Promise<string[]> {
    if (waiting.length === 0) return [];
    const { rows } = await this.client.query(
      "SELECT id, password_digest FROM customers WHERE id = ANY ($1) AND password_digest IS NOT NULL",
      [waiting.map(({ resource }) => resource.id)],
    );
    const digests = new Map<string, string>(rows.map(({ id, password_digest }) => [id, password_digest]));
    const records: string[] = [];
    // Two at a time: bcrypt uses the thread pool that the whole process shares.
    const queue = waiting.values();
    const worker = async () => {
      for (const { resource, password, location } of queue) {
        const stored = digests.get(resource.id);
        const isStored = stored !== undefined && (await bcrypt.compare(password, stored));
        const password_digest = isStored ? stored : await bcrypt.hash(password, 10);
        records.push(resourceRecord({ ...resource, row: { ...resource.row, password_digest } }, location));
      }
    };
    await Promise.all([worker(), worker()]);
    return records;
  }
}

interface WithPassword {
  resource: CheckedResource;
  password: string;
  location: SourceLocation;
}

interface SourceLocation {
  seq: number;
  file: number;
  line: number;
  pointer: string;
}

function resourceRecord(resource: CheckedResource, location: SourceLocation): string {
  const { model, type, id, mode, isModeAssumed: assumed, row, derived } = resource;
  const stated = Object.keys(derived).length > 0 ? derived : null;
  return JSON.stringify({ ...location, model: model.name, type, id, mode, assumed, row, derived: stated });
}

function linkRecord(by: CheckedResource, { model, type, id, values, pointer }: Link, location: SourceLocation): string {
  const columns = Object.keys(values).sort().join();
  return JSON.stringify({ ...statedBy(by, pointer, location), model, type, id, columns, value: values });
}

function tagRecord(
  by: CheckedResource,
  { what, model, owner, tag, pointer }: TagStatement,
  location: SourceLocation,
): string {
  return JSON.stringify({ ...statedBy(by, pointer, location), what, model, owner, tag });
}

/** The resource that states something about another, and the JSON pointer. */
function statedBy(by: CheckedResource, pointer: string, location: SourceLocation) {
  const { seq, file, line } = location;
  return {
    seq,
    mode: by.mode,
    assumed: by.isModeAssumed,
    by_type: by.type,
    by_id: by.id,
    file,
    line,
    pointer: location.pointer + pointer,
  };
}
