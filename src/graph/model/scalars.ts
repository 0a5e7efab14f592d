import { GraphQLError, GraphQLScalarType, Kind, print, type ValueNode, valueFromASTUntyped } from "graphql";
import { deepestJson, jsonFault, LossyNumber, losesDigits, maximumJson } from "./json.js";
import { readTime, writeTime } from "./times.js";

function parseDateTime(value: unknown, node?: ValueNode): Date {
  const time = typeof value === "string" ? readTime(value) : undefined;
  if (time) return time;
  throw new GraphQLError(
    `DateTime must be an ISO 8601 time that exists, with a time zone, such as "2026-01-31T12:00:00.000Z", not ${node ? print(node) : JSON.stringify(value)}.`,
    { nodes: node },
  );
}

export const DateTime = new GraphQLScalarType<Date, string>({
  name: "DateTime",
  description:
    'Date and time in the years 1 to 9999: ISO 8601 in UTC with milliseconds, such as "2026-01-31T12:00:00.000Z". Input may have any offset; digits after the milliseconds are cut off. Times that do not exist, such as 30 February, 24:00 or a 60th second, are rejected. A stored time out of this range is returned as the nearest in range.',
  specifiedByURL: "https://scalars.graphql.org/andimarek/date-time.html",
  serialize: (value) => writeTime(value as Date),
  parseValue: (value) => parseDateTime(value),
  parseLiteral: (node: ValueNode) => parseDateTime(node.kind === Kind.STRING ? node.value : undefined, node),
});

/** Rejects values that are not objects or cannot be stored unchanged. */
function parseJson(value: unknown, node?: ValueNode): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new GraphQLError("JSON must be an object.", { nodes: node });
  }
  const fault = jsonFault(value);
  if (!fault) return value as Record<string, unknown>;
  throw new GraphQLError(`JSON: ${fault.at ? `\`${fault.at}\`` : "it"} ${fault.wrong}.`, { nodes: node });
}

type Variables = Record<string, unknown> | null | undefined;

function literalValue(node: ValueNode, variables: Variables): unknown {
  switch (node.kind) {
    case Kind.INT:
    case Kind.FLOAT:
      return losesDigits(node.value) ? new LossyNumber(node.value) : Number(node.value);
    case Kind.LIST:
      return node.values.map((inner) => literalValue(inner, variables));
    case Kind.OBJECT:
      return Object.fromEntries(node.fields.map(({ name, value }) => [name.value, literalValue(value, variables)]));
    default:
      return valueFromASTUntyped(node, variables);
  }
}

export const Json = new GraphQLScalarType<Record<string, unknown>>({
  name: "JSON",
  description: `JSON object with any keys and values, stored unchanged. Numbers that would lose digits (integers beyond ${Number.MAX_SAFE_INTEGER}, decimals with more digits than 64 bits hold, 1e400) are rejected; give them as text. -0 becomes 0, and 1.0 becomes 1. Duplicate keys are rejected. Nested at most ${deepestJson} levels deep, and at most ${maximumJson} characters long.`,
  parseValue: (value) => parseJson(value),
  parseLiteral: (node, variables) => parseJson(literalValue(node, variables), node),
});
