import { type ClassType, Field, Float, ID, InputType, Int } from "type-graphql";
import { DateTime } from "../model/scalars.js";
import type { AttributeType } from "./model.js";

const meanings = {
  eq: "Equal to this.",
  in: "Equal to one of these; an empty list matches nothing.",
  gt: "Greater or later than this.",
  gte: "Greater or later than this, or equal.",
  lt: "Smaller or earlier than this.",
  lte: "Smaller or earlier than this, or equal.",
  startsWith: "Begins with this, whatever the case.",
  contains: "Contains this, whatever the case.",
  isNull: "`true`: has no value; `false`: has one.",
} as const;

export type Operator = keyof typeof meanings;
const operators = Object.keys(meanings) as Operator[];

export { operators };

function operatorInput(name: string, description: string, type: object, own: readonly Operator[]): ClassType {
  const input = class {};
  InputType(name, { description })(input);
  for (const operator of own) {
    const field = operator === "in" ? [type] : operator === "isNull" ? Boolean : type;
    Field(() => field, { nullable: true, description: meanings[operator] })(input.prototype, operator);
  }
  return input;
}

const ordered = ["eq", "in", "gt", "gte", "lt", "lte", "isNull"] as const;
const inputs = new Map<unknown, ClassType>([
  [ID, operatorInput("IDFilter", "A test of an id. All operators given must hold.", ID, ["eq", "in", "isNull"])],
  [
    String,
    operatorInput("StringFilter", "A test of a code. All operators given must hold.", String, ["eq", "in", "isNull"]),
  ],
  [Int, operatorInput("IntFilter", "A test of a whole number. All operators given must hold.", Int, ordered)],
  [Float, operatorInput("FloatFilter", "A test of a number. All operators given must hold.", Float, ordered)],
  [DateTime, operatorInput("DateTimeFilter", "A test of a moment. All operators given must hold.", DateTime, ordered)],
  [Boolean, operatorInput("BooleanFilter", "A test of a yes or no.", Boolean, ["eq"])],
]);
const textInput = operatorInput("TextFilter", "A test of a text. All operators given must hold.", String, [
  "eq",
  "in",
  "startsWith",
  "contains",
  "isNull",
]);

/** The input of a filter on an attribute of this type; enums get one each, named after them. */
export function filterInputFor(type: AttributeType, text: boolean): ClassType {
  if (text) return textInput;
  const known = inputs.get(type);
  if (known) return known;
  const name = enumNames.get(type);
  if (!name) throw new Error(`There is no filter for the type ${String(type)}`);
  const input = operatorInput(
    `${name}Filter`,
    `A test of an enum value, \`${name}\`. All operators given must hold.`,
    type,
    ["eq", "in", "isNull"],
  );
  inputs.set(type, input);
  return input;
}

const enumNames = new Map<unknown, string>();
export function nameEnum(type: object, name: string) {
  enumNames.set(type, name);
}

@InputType({ description: "A test of the metadata." })
export class MetadataFilter {
  @Field(() => String, { description: "The key that must exist at the top level." })
  key!: string;

  @Field(() => String, {
    nullable: true,
    description: "The value that the key must have; numbers and booleans are given as text. Absent: any value.",
  })
  eq?: string;
}

const relatedInputs = new Map<ClassType, ClassType>();

/** A test of related rows: `some` and `none` over the filter of their model. */
export function relatedFilterFor(name: string, filter: ClassType): ClassType {
  let input = relatedInputs.get(filter);
  if (!input) {
    input = class {};
    InputType(`${name}ListFilter`, { description: "A test of related rows." })(input);
    Field(() => filter, { nullable: true, description: "At least one related row is such." })(input.prototype, "some");
    Field(() => filter, { nullable: true, description: "No related row is such." })(input.prototype, "none");
    relatedInputs.set(filter, input);
  }
  return input;
}
