import {
  DirectiveLocation,
  GraphQLDirective,
  GraphQLError,
  GraphQLNonNull,
  type GraphQLResolveInfo,
  GraphQLString,
  getDirectiveValues,
  type ValidationRule,
} from "graphql";
import { UserInputError } from "../../errors.js";

const idempotent = new GraphQLDirective({
  name: "idempotent",
  description:
    "On a mutation: done once, however often it is sent with this key. A retry changes nothing and gets the first outcome, and `extensions.replayed` names it. Keys are the caller's own, kept for 24 hours, and for one set of arguments. What was refused by `userErrors` is not kept, so a corrected form may use its key again.",
  locations: [DirectiveLocation.FIELD],
  args: {
    key: {
      type: new GraphQLNonNull(GraphQLString),
      description: "Made up by the client for each intended change, such as a UUID: 8 to 255 characters.",
    },
  },
});

const dryRun = new GraphQLDirective({
  name: "dryRun",
  description:
    "On a mutation: everything is checked and done, the answer shows what it came to, and nothing of it stays, no event either. `extensions.dryRun` names it.",
  locations: [DirectiveLocation.FIELD],
});

export const writeDirectives = [idempotent, dryRun];

const minimumKey = 8;
const maximumKey = 255;

/** How a mutation field is to be run, by the directives on it. */
export function directivesOn({ fieldNodes, variableValues }: GraphQLResolveInfo): { dryRun: boolean; key?: string } {
  const values = (directive: GraphQLDirective) =>
    fieldNodes.map((node) => getDirectiveValues(directive, node, variableValues)).find(Boolean);
  const key = values(idempotent)?.key as string | undefined;
  if (key !== undefined && (key.length < minimumKey || key.length > maximumKey)) {
    throw new UserInputError(["idempotent", "key"], `has ${minimumKey} to ${maximumKey} characters.`);
  }
  return { dryRun: Boolean(values(dryRun)), key };
}

/** These directives mean something on mutations alone; elsewhere they would be ignored, so they are refused. */
export const directivesOnMutations: ValidationRule = (context) => ({
  Directive(node) {
    const known = writeDirectives.some(({ name }) => name === node.name.value);
    if (!known || context.getParentType() === context.getSchema().getMutationType()) return;
    const message = `The directive "@${node.name.value}" belongs on a mutation, such as \`customerUpdate @${node.name.value}\`.`;
    context.reportError(new GraphQLError(message, { nodes: node }));
  },
});
