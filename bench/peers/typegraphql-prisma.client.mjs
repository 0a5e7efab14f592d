// The same schema as that of the peer mercurius.
export { path, queries } from "./mercurius.client.mjs";
