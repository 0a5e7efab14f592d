import { type ClassType, Field, Float, ID, InputType, Int } from "type-graphql";
import { DateTime } from "../model/scalars.js";
import type { AttributeType } from "./model.js";

const meanings = {
  eq: "Equals this value.",
  in: "Equals one of these values; an empty list matches nothing.",
  gt: "Greater (later) than this value.",
  gte: "Greater (later) than or equal to this value.",
  lt: "Less (earlier) than this value.",
  lte: "Less (earlier) than or equal to this value.",
  startsWith: "Starts with this text, case-insensitive.",
  contains: "Contains this text, case-insensitive.",
  isNull: "`true`: has no value; `false`: has one.",
} as const;

export type Operator = keyof typeof meanings;
const operators = Object.keys(meanings) as Operator[];

export { operators };

function operatorInput(name: string, description: string, type: object, supported: readonly Operator[]): ClassType {
  const input = class {};
  InputType(name, { description })(input);
  for (const operator of supported) {
    const field = operator === "in" ? [type] : operator === "isNull" ? Boolean : type;
    Field(() => field, { nullable: true, description: meanings[operator] })(input.prototype, operator);
  }
  return input;
}

const ordered = ["eq", "in", "gt", "gte", "lt", "lte", "isNull"] as const;
const inputs = new Map<unknown, ClassType>([
  [ID, operatorInput("IDFilter", "Filter on an id. All given operators must match.", ID, ["eq", "in", "isNull"])],
  [
    String,
    operatorInput("StringFilter", "Filter on a code. All given operators must match.", String, ["eq", "in", "isNull"]),
  ],
  [Int, operatorInput("IntFilter", "Filter on an integer. All given operators must match.", Int, ordered)],
  [Float, operatorInput("FloatFilter", "Filter on a number. All given operators must match.", Float, ordered)],
  [
    DateTime,
    operatorInput("DateTimeFilter", "Filter on a date and time. All given operators must match.", DateTime, ordered),
  ],
  [Boolean, operatorInput("BooleanFilter", "Filter on a boolean.", Boolean, ["eq"])],
]);
const textInput = operatorInput("TextFilter", "Filter on a text. All given operators must match.", String, [
  "eq",
  "in",
  "startsWith",
  "contains",
  "isNull",
]);

/** The filter input of an attribute type; each enum has its own. `isText` adds `startsWith` and `contains`. */
export function filterInputFor(type: AttributeType, isText: boolean): ClassType {
  if (isText) return textInput;
  const known = inputs.get(type);
  if (known) return known;
  const name = enumNames.get(type);
  if (!name) throw new Error(`There is no filter for the type ${String(type)}`);
  const input = operatorInput(
    `${name}Filter`,
    `Filter on an enum value, \`${name}\`. All given operators must match.`,
    type,
    ["eq", "in", "isNull"],
  );
  inputs.set(type, input);
  return input;
}

const enumNames = new Map<unknown, string>();
/** Registers the name of an enum, for the name of its filter input. */
export function nameEnum(type: object, name: string) {
  enumNames.set(type, name);
}

@InputType({ description: "Filter on metadata." })
export class MetadataFilter {
  @Field(() => String, { description: "The key that must exist at the top level." })
  key!: string;

  @Field(() => String, {
    nullable: true,
    description:
      "The value that the key must have; numbers and booleans are given as text. Without it, any value matches.",
  })
  eq?: string;
}

const relatedInputs = new Map<ClassType, ClassType>();

/** The filter input of a to-many relation: `some` and `none` over the filter of its model. */
export function relatedFilterFor(name: string, filter: ClassType): ClassType {
  let input = relatedInputs.get(filter);
  if (!input) {
    input = class {};
    InputType(`${name}ListFilter`, { description: "Filter on a to-many relation." })(input);
    Field(() => filter, { nullable: true, description: "At least one related resource matches." })(
      input.prototype,
      "some",
    );
    Field(() => filter, { nullable: true, description: "No related resource matches." })(input.prototype, "none");
    relatedInputs.set(filter, input);
  }
  return input;
}
