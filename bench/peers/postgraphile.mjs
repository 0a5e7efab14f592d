// PostGraphile 5 over the project's tables, as its documentation sets it up for production. Its plugins here add what the
// tables alone do not say: the order of a customer's tags by name, and the mutation.
import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { sideEffectWithPgClientTransaction, TYPES } from "postgraphile/@dataplan/pg";
import { makePgService } from "postgraphile/adaptors/pg";
import { object } from "postgraphile/grafast";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { addPgTableOrderBy, extendSchema, gql, orderByAscDesc } from "postgraphile/utils";
import { addTags } from "./add-tags.mjs";

// PostGraphile uses it, and Node 20 lacks it.
Promise.withResolvers ??= function withResolvers() {
  const resolvers = {};
  resolvers.promise = new this((resolve, reject) => Object.assign(resolvers, { resolve, reject }));
  return resolvers;
};

const tagsByName = addPgTableOrderBy({ schemaName: "public", tableName: "customer_tags" }, ({ sql }) =>
  orderByAscDesc("TAG_NAME", ({ alias }) => ({
    fragment: sql`(select name from public.tags where tags.id = ${alias}.tag_id)`,
    codec: TYPES.text,
  })),
);

const addTagsMutation = extendSchema(({ input: { pgRegistry } }) => {
  const { customers } = pgRegistry.pgResources;
  return {
    typeDefs: gql`
      type AddTagsPayload {
        customer: Customer
      }
      extend type Mutation {
        addTags(id: String!, names: [String!]!): AddTagsPayload
      }
    `,
    objects: {
      Mutation: {
        plans: {
          addTags(_, { $id, $names }) {
            const $added = sideEffectWithPgClientTransaction(
              customers.executor,
              object({ id: $id, names: $names }),
              async (client, { id, names }) => {
                const query = async (name, text, values) => (await client.query({ name, text, values })).rows;
                await addTags(query, id, names);
                return id;
              },
            );
            return object({ id: $added });
          },
        },
      },
      AddTagsPayload: {
        plans: { customer: ($payload) => customers.get({ id: $payload.get("id") }) },
      },
    },
  };
});

const preset = {
  extends: [PostGraphileAmberPreset],
  plugins: [tagsByName, addTagsMutation],
  // Rows go by their own ids. The other plugin would take away orders by columns that begin no index: those of the
  // project's indexes come after `mode` or a foreign key.
  disablePlugins: ["NodePlugin", "PgIndexBehaviorsPlugin"],
  pgServices: [
    makePgService({
      connectionString: process.env.DATABASE_URL,
      schemas: ["public"],
      poolConfig: { max: Number(process.env.POOL_SIZE ?? 8) },
    }),
  ],
  grafast: { explain: false },
  grafserv: { graphqlPath: "/graphql", graphiql: false, websockets: false, watch: false },
};

const instance = postgraphile(preset);
const server = createServer();
await instance.createServ(grafserv).addTo(server);
server.listen(Number(process.env.PORT), "127.0.0.1", () => console.log("ready"));

process.once("SIGTERM", () => process.exit());
