import { GraphQLError, GraphQLScalarType, Kind, print, type ValueNode } from "graphql";
import { GraphQLJSONObject } from "graphql-scalars";

const timestamp = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)$/;

function parseDateTime(value: unknown, node?: ValueNode): Date {
  const date = typeof value === "string" && timestamp.test(value) ? new Date(value) : undefined;
  if (!date || Number.isNaN(date.getTime())) {
    throw new GraphQLError(
      `DateTime must be an ISO 8601 time with a time zone, such as "2026-01-31T12:00:00.000Z", not ${node ? print(node) : JSON.stringify(value)}.`,
      { nodes: node },
    );
  }
  return date;
}

export const DateTime = new GraphQLScalarType<Date, string>({
  name: "DateTime",
  description: 'A moment: ISO 8601 in UTC with milliseconds, such as "2026-01-31T12:00:00.000Z".',
  specifiedByURL: "https://scalars.graphql.org/andimarek/date-time.html",
  serialize: (value) => (value as Date).toISOString(),
  parseValue: (value) => parseDateTime(value),
  parseLiteral: (node: ValueNode) => parseDateTime(node.kind === Kind.STRING ? node.value : undefined, node),
});

export const Json = new GraphQLScalarType({
  ...GraphQLJSONObject.toConfig(),
  name: "JSON",
  description: "A JSON object with free keys and values.",
  specifiedByURL: null,
});
