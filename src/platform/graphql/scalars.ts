import { GraphQLError, GraphQLScalarType, Kind, print, type ValueNode } from "graphql";
import { GraphQLJSONObject } from "graphql-scalars";
import { readTime, writeTime } from "../times.js";

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
    'A moment of the years 1 to 9999: ISO 8601 in UTC with milliseconds, such as "2026-01-31T12:00:00.000Z". It may be given with any offset; digits behind the milliseconds are cut off. What no calendar or clock shows, such as 30 February, 24:00 or a 60th second, is refused. A stored moment outside these years is shown as the nearest within.',
  specifiedByURL: "https://scalars.graphql.org/andimarek/date-time.html",
  serialize: (value) => writeTime(value as Date),
  parseValue: (value) => parseDateTime(value),
  parseLiteral: (node: ValueNode) => parseDateTime(node.kind === Kind.STRING ? node.value : undefined, node),
});

export const Json = new GraphQLScalarType({
  ...GraphQLJSONObject.toConfig(),
  name: "JSON",
  description: "A JSON object with free keys and values.",
  specifiedByURL: null,
});
