// Applications and users of the demo shop. Their secrets are public (src/identity/demo-credentials.ts), so production neither
// seeds them nor starts on a database that has them.

import { permissions } from "../src/graph/access/permission.js";
import { digestOf } from "../src/identity/clients.js";
import { demoSecrets } from "../src/identity/demo-credentials.js";

const createdAt = new Date("2026-01-02T08:00:00.000Z");
const mode = "test";

export const demoApplications = {
  storefront: {
    id: "app_storefront",
    mode,
    name: "Demo storefront",
    kind: "sales_channel",
    clientId: "demo-storefront",
    secretDigest: null,
    permissions: [] as string[],
    accessTokenSeconds: 14_400,
    createdAt,
  },
  integration: {
    id: "app_integration",
    mode,
    name: "Demo integration",
    kind: "integration",
    clientId: "demo-integration",
    secretDigest: digestOf(demoSecrets.integration),
    permissions: [] as string[],
    accessTokenSeconds: 7_200,
    createdAt,
  },
  dashboard: {
    id: "app_dashboard",
    mode,
    name: "Demo dashboard",
    kind: "webapp",
    clientId: "demo-dashboard",
    secretDigest: digestOf(demoSecrets.dashboard),
    permissions: [] as string[],
    accessTokenSeconds: 7_200,
    createdAt,
  },
} as const;

const readAll: string[] = [...permissions.keys()].filter((permission) => permission.endsWith(":read"));

export const demoUsers = {
  vera: {
    id: "usr_vera",
    firstName: "Vera",
    lastName: "Support",
    email: "vera@example.com",
    permissions: [...readAll, "anonymizations:create", "customers:update", "tags:assign"],
    createdAt,
  },
  tom: {
    id: "usr_tom",
    firstName: "Tom",
    lastName: "Privacy",
    email: "tom@example.com",
    permissions: [...readAll, "anonymizations:create", "customers:update"],
    createdAt,
  },
};
