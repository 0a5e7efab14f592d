import { type Identifier, type Resource, type Shape, shapeOf } from "../erasure/resource.js";
import { type Model, typesOf } from "../graph/model/datamodel.js";
import type { Batch } from "./rows.js";

interface CsvColumn {
  readonly heading: string;
  value(resource: Resource, row: Record<string, unknown>): unknown;
}

/** CSV by RFC 4180: a header, CRLF line ends, quotes where needed. */
export class Csv {
  private readonly columns: readonly CsvColumn[];

  constructor(model: Model) {
    this.columns = columnsOf(model, shapeOf(model.name, "copy"));
  }

  header(): string {
    return line(this.columns.map(({ heading }) => heading));
  }

  lines({ resources, rows }: Batch): string {
    return resources
      .map((resource, i) => line(this.columns.map(({ value }) => cell(value(resource, rows[i]!)))))
      .join("");
  }
}

function columnsOf(model: Model, { attributes, computed, relationships, meta }: Shape): CsvColumn[] {
  const related = ({ relationships }: Resource, name: string) => relationships[name]?.data ?? null;
  return [
    { heading: "id", value: ({ id }) => id },
    ...(typesOf(model).length > 1 ? [{ heading: "type", value: ({ type }: Resource) => type }] : []),
    ...attributes.map((name) => ({ heading: name, value: ({ attributes }: Resource) => attributes[name] })),
    ...computed.map(({ field, column }) => ({
      heading: column,
      value: (_: Resource, row: Record<string, unknown>) => row[field],
    })),
    ...relationships.flatMap((name): CsvColumn[] => {
      if (name === "tags") {
        const ids = (resource: Resource) => (related(resource, name) as Identifier[]).map(({ id }) => id).join();
        return [{ heading: "tag_ids", value: ids }];
      }
      const one = (resource: Resource) => related(resource, name) as Identifier | null;
      const isOfAnyType = !model.relations[camelCase(name)];
      return [
        ...(isOfAnyType ? [{ heading: `${name}_type`, value: (resource: Resource) => one(resource)?.type }] : []),
        { heading: `${name}_id`, value: (resource) => one(resource)?.id },
      ];
    }),
    ...meta.map((name) => ({ heading: name, value: ({ meta }: Resource) => meta[name] })),
  ];
}

const line = (cells: readonly string[]) => `${cells.map(quoted).join()}\r\n`;

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Leading characters that make spreadsheets evaluate a text as a formula, full-width forms included. */
const formula = /^[=+\-@\t\r\n＝＋－＠]/;

/** Formats a value. Texts that look like formulas get a leading apostrophe. */
function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return formula.test(value) ? `'${value}` : value;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
