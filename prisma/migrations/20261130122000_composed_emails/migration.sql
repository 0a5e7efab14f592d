-- E-mail addresses are compared composed (NFC), as they are stored from now on. Those stored before in decomposed form
-- are composed here, so that they are found; of customers whose addresses are the same when composed, only one can be:
-- the others keep theirs.
UPDATE "customers" c SET "email" = d."composed"
FROM (
    SELECT DISTINCT ON ("mode", normalize("email", NFC)) "id", "mode", normalize("email", NFC) AS "composed"
    FROM "customers" WHERE "email" IS NOT NFC NORMALIZED
    ORDER BY "mode", normalize("email", NFC), "created_at", "id"
) d
WHERE c."id" = d."id"
    AND NOT EXISTS (SELECT FROM "customers" o WHERE o."mode" = d."mode" AND o."email" = d."composed");
UPDATE "orders" SET "customer_email" = normalize("customer_email", NFC) WHERE "customer_email" IS NOT NFC NORMALIZED;
UPDATE "order_subscriptions" SET "customer_email" = normalize("customer_email", NFC) WHERE "customer_email" IS NOT NFC NORMALIZED;
UPDATE "returns" SET "customer_email" = normalize("customer_email", NFC) WHERE "customer_email" IS NOT NFC NORMALIZED;
UPDATE "addresses" SET "email" = normalize("email", NFC) WHERE "email" IS NOT NFC NORMALIZED;
