import { createDatamodelCopy, type DatamodelCopy, ownSchema } from "../support/datamodel-copy.js";

/** What the generator makes of the marks of a model, and says of wrong ones: run as `npm run generate` does. */

let copy: DatamodelCopy;
beforeAll(() => {
  copy = createDatamodelCopy();
});
afterAll(() => copy.remove());

const permissions = "@permissions(guest: nothing; customer: read; user: read)";
const topic = `
/// What notes are about.
/// @prefix(top)
/// ${permissions}
model Topic {
  id    String @id
  mode  String
  name  String
  notes Note[]
  @@unique([mode, name])
  @@map("topics")
}`;

/** A datamodel with one model, `Note`, of these lines above it and this mark at its column `text`. */
function generate(marks: readonly string[], { text = "", topicId = "" } = {}) {
  const generator = /^generator datamodel .*?(?=^\/\/\/)/ms.exec(ownSchema)![0];
  const lines = ["A note.", "@prefix(not)", ...marks].map((line) => `/// ${line}\n`);
  const columns = [
    ...["id String @id", "mode String", `text String /// ${text}`, "extra Json /// @document(own attributes)"],
    ...["topicId String?", `topic Topic? @relation(fields: [topicId], references: [id]) /// ${topicId}`],
  ];
  const model = `${lines.join("")}model Note {\n${columns.map((line) => `  ${line}\n`).join("")}  @@map("notes")\n}\n`;
  return copy.generate(`${generator}${model}${topic}\n`);
}

function noteOf(written: string | undefined) {
  return JSON.parse(/datamodel = (\{.*?\n\}) as const/s.exec(written!)![1]!).Note;
}

test("@permissions, @permission and @constraint of a model are generated", () => {
  const { status, stderr, written } = generate([
    "@permissions(guest: nothing; customer: read, update, notes:pin; user: read)",
    "@permission(notes:pin, Keep a note (one, that is) on top.)",
    "@constraint(notes_text_length, A note has 1 to 500 characters (not bytes).)",
  ]);
  expect([status, stderr]).toEqual([0, ""]);
  expect(noteOf(written)).toMatchObject({
    permissions: { guest: [], customer: ["notes:read", "notes:update", "notes:pin"], user: ["notes:read"] },
    special: { "notes:pin": "Keep a note (one, that is) on top." },
    constraints: { notes_text_length: "A note has 1 to 500 characters (not bytes)." },
  });
}, 30_000);

test("@computed, @leftOut and other marks of a model's documents are generated", () => {
  const { status, stderr, written } = generate(
    [
      permissions,
      "@computed(summary, title)",
      "@leftOut(author\n///   editors)",
      "@leftOut(memos: pages)",
      "@attributes(memos: colour String, pages Int)",
      "@refused(author_password, is not taken from a note: state it with the author (a user))",
      "@attached",
    ],
    { text: "@impersonal @counted @form(regex) @document(body, content.text)", topicId: "@foundBy(topic_name: name)" },
  );
  expect([status, stderr]).toEqual([0, ""]);
  expect(noteOf(written)).toMatchObject({
    columns: { text: { counted: true, form: "regex", document: ["body", "content.text"] } },
    relations: { topic: { foundBy: { attribute: "topic_name", unique: "name" } } },
    documents: {
      computed: ["summary", "title"],
      leftOut: { notes: ["author", "editors"], memos: ["pages"] },
      attributes: { memos: { colour: "String", pages: "Int" } },
      refused: { author_password: "is not taken from a note: state it with the author (a user)" },
      attached: true,
    },
  });
}, 30_000);

const refused: [message: string, marks: string[], columns: Parameters<typeof generate>[1]][] = [
  [
    "The model Note does not say what a guest may do when the token does not say: write `/// @permissions(guest: …",
    [],
    {},
  ],
  ["The model Note does not say what a user may do", ["@permissions(guest: read; customer: read)"], {}],
  ["gives a guest raed; there are read, create, up", ["@permissions(guest: raed; customer: read; user: read)"], {}],
  ["names staff, which is none of guest", ["@permissions(guest: read; customer: read; user: read; staff: read)"], {}],
  ["Note has the mark @leftout, which is none of @prefix", [permissions, "@leftout(author)"], {}],
  ["Note.text has the mark @count, which is none of @personal", [permissions], { text: "@impersonal @count" }],
  [
    '@leftOut of Note has "author,", which is not a name: write names with sp',
    [permissions, "@leftOut(author, editor)"],
    {},
  ],
  ['@computed of Note has "the title", which is not a name', [permissions, "@computed(the title)"], {}],
  ['@attributes of Note has "pages Number": write a name and one of', [permissions, "@attributes(pages Number)"], {}],
  ["Note has @refused(author): write @refused(attribute, reason", [permissions, "@refused(author)"], {}],
  ['@document of Note.text has "a.b.c": write an attribute', [permissions], { text: "@document(a.b.c)" }],
  ["@document(type) of Note.text is on a column that is not an enum", [permissions], { text: "@document(type)" }],
  ["@foundBy(topic: id) of Note.topic is not an attribute", [permissions], { topicId: "@foundBy(topic: id)" }],
];
test.each(refused)(
  "the generator refuses a wrong mark: %s",
  (message, marks, columns) => {
    const { status, stderr, written } = generate(marks, columns);
    expect(stderr).toContain(message);
    expect([status, written]).toEqual([1, undefined]);
  },
  30_000,
);
