import { join } from "node:path";
import { schemaDrift } from "../../src/database/migrate.js";
import { projectRoot } from "../../src/paths.js";
import { createTestDatabase } from "../support/database.js";

test("the migrations create the database that prisma/schema.prisma describes", async () => {
  const { connectionString, drop } = await createTestDatabase();
  try {
    const drift = await schemaDrift(connectionString, join(projectRoot, "prisma", "schema.prisma"));
    const statements = drift.split("\n").filter((line) => line && !line.startsWith("--"));
    expect(statements).toEqual([]);
  } finally {
    await drop();
  }
});
