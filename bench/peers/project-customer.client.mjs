// The project as signed-in customers meet it: each request carries the token of the very customer that it asks for, so
// the row rules of customers are in every statement. Customers see no tags, hence `nested` goes without them.
import * as project from "./project.client.mjs";

export const { script, nodeOptions, path, environment } = project;

const tokens = new Map();
export const headers = ({ id }) => tokens.get(id);

export async function prepare({ sign, samples }) {
  for (const { id } of samples.ids) tokens.set(id, `authorization: Bearer ${await sign(id)}\r\n`);
}

const withoutTags = ({ tags: _, ...customer }) => customer;

const { one, walk } = project.queries;
export const queries = {
  one,
  nested: {
    ...project.query(
      project.documents.nested.replace("tags { id name }", ""),
      ({ id }) => ({ id }),
      ({ data }) => project.nested(data.customer),
    ),
    /** What of the other systems' answer is to be expected here. */
    expected: withoutTags,
  },
  walk,
};
