-- What Prisma's language cannot say is written here by hand, marked "By hand":
-- collations, generated columns, checks and triggers.

-- By hand: trigram indexes serve `contains` and `startsWith`. The extension is trusted: the database's owner may create it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- By hand, in the tables below: ids, codes and other machine words are COLLATE "C", so that their order is the same on
-- every PostgreSQL. Names, texts for people, and words that can be searched by a part in any case keep the database's own
-- collation, which knows the capitals of all scripts. Facts that follow from the other columns of their row are
-- GENERATED, so they cannot disagree with them, whoever writes.

-- CreateEnum
CREATE TYPE "mode" AS ENUM ('test', 'live');

-- CreateEnum
CREATE TYPE "customer_status" AS ENUM ('prospect', 'acquired', 'repeat');

-- CreateEnum
CREATE TYPE "anonymization_status" AS ENUM ('requested', 'started', 'completed', 'failed', 'cancelled');

-- CreateEnum
CREATE TYPE "order_status" AS ENUM ('draft', 'pending', 'placing', 'placed', 'editing', 'approved', 'cancelled');

-- CreateEnum
CREATE TYPE "order_payment_status" AS ENUM ('unpaid', 'authorized', 'partially_authorized', 'paid', 'partially_paid', 'voided', 'partially_voided', 'refunded', 'partially_refunded', 'free');

-- CreateEnum
CREATE TYPE "order_fulfillment_status" AS ENUM ('unfulfilled', 'in_progress', 'fulfilled', 'not_required');

-- CreateEnum
CREATE TYPE "order_customer_type" AS ENUM ('new', 'returning');

-- CreateEnum
CREATE TYPE "line_item_type" AS ENUM ('skus', 'bundles', 'gift_cards', 'shipments', 'payment_methods', 'adjustments', 'discount_engine_items', 'percentage_discount_promotions', 'free_shipping_promotions', 'buy_x_pay_y_promotions', 'free_gift_promotions', 'fixed_price_promotions', 'external_promotions', 'fixed_amount_promotions', 'flex_promotions');

-- CreateEnum
CREATE TYPE "order_subscription_status" AS ENUM ('draft', 'inactive', 'active', 'running', 'cancelled', 'pending');

-- CreateEnum
CREATE TYPE "order_subscription_item_type" AS ENUM ('skus', 'bundles', 'adjustments');

-- CreateEnum
CREATE TYPE "return_status" AS ENUM ('draft', 'requested', 'approved', 'cancelled', 'shipped', 'rejected', 'received', 'refunded');

-- CreateEnum
CREATE TYPE "payment_source_type" AS ENUM ('adyen_payments', 'axerve_payments', 'braintree_payments', 'checkout_com_payments', 'external_payments', 'klarna_payments', 'paypal_payments', 'satispay_payments', 'stripe_payments', 'wire_transfers');

-- CreateEnum
CREATE TYPE "label_format" AS ENUM ('PDF', 'ZPL', 'EPL2', 'PNG');

-- CreateTable
CREATE TABLE "customers" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "email" TEXT NOT NULL,
    "password_digest" TEXT COLLATE "C",
    "status" "customer_status" NOT NULL GENERATED ALWAYS AS (CASE WHEN "total_orders_count" = 0 THEN 'prospect'::"customer_status" WHEN "total_orders_count" = 1 THEN 'acquired'::"customer_status" ELSE 'repeat'::"customer_status" END) STORED,
    "has_password" BOOLEAN NOT NULL GENERATED ALWAYS AS ("password_digest" IS NOT NULL) STORED,
    "total_orders_count" INTEGER NOT NULL DEFAULT 0,
    "shopper_reference" TEXT COLLATE "C" NOT NULL DEFAULT gen_random_uuid()::text,
    "profile_id" TEXT COLLATE "C" NOT NULL DEFAULT gen_random_uuid()::text,
    "tax_exemption_code" TEXT COLLATE "C",
    "anonymization_status" "anonymization_status",
    "anonymization_requested_at" TIMESTAMPTZ(3),
    "anonymization_started_at" TIMESTAMPTZ(3),
    "anonymization_completed_at" TIMESTAMPTZ(3),
    "anonymization_failed_at" TIMESTAMPTZ(3),
    "anonymization_cancelled_at" TIMESTAMPTZ(3),
    "anonymization_requester" JSONB,
    "anonymization_reason" TEXT COLLATE "C",
    "anonymization_cancellation_reason" TEXT COLLATE "C",
    "anonymization_cancellation_requester" JSONB,
    "customer_group_id" TEXT COLLATE "C",
    "reference" TEXT,
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "customers_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "customer_groups" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "name" TEXT NOT NULL,
    "code" TEXT COLLATE "C",
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "customer_groups_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "addresses" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "business" BOOLEAN NOT NULL DEFAULT false,
    "first_name" TEXT,
    "last_name" TEXT,
    "company" TEXT,
    "full_name" TEXT NOT NULL GENERATED ALWAYS AS (CASE WHEN "business" AND "company" IS NOT NULL THEN "company" ELSE btrim(coalesce("first_name", '') || ' ' || coalesce("last_name", '')) END) STORED,
    "line_1" TEXT NOT NULL,
    "line_2" TEXT,
    "city" TEXT NOT NULL,
    "zip_code" TEXT COLLATE "C",
    "state_code" TEXT COLLATE "C",
    "country_code" TEXT COLLATE "C" NOT NULL,
    "phone" TEXT COLLATE "C",
    "full_address" TEXT NOT NULL GENERATED ALWAYS AS ("line_1" || coalesce(' ' || "line_2", '') || ', ' || coalesce("zip_code" || ' ', '') || "city" || coalesce(' ' || "state_code", '') || ' (' || "country_code" || ')' || coalesce(' ' || "phone", '')) STORED,
    "name" TEXT NOT NULL GENERATED ALWAYS AS (CASE WHEN "business" AND "company" IS NOT NULL THEN "company" ELSE btrim(coalesce("first_name", '') || ' ' || coalesce("last_name", '')) END || ', ' || "line_1" || coalesce(' ' || "line_2", '') || ', ' || coalesce("zip_code" || ' ', '') || "city" || coalesce(' ' || "state_code", '') || ' (' || "country_code" || ')' || coalesce(' ' || "phone", '')) STORED,
    "email" TEXT COLLATE "C",
    "notes" TEXT,
    "lat" DOUBLE PRECISION,
    "lng" DOUBLE PRECISION,
    "is_localized" BOOLEAN NOT NULL GENERATED ALWAYS AS ("lat" IS NOT NULL AND "lng" IS NOT NULL) STORED,
    "is_geocoded" BOOLEAN NOT NULL GENERATED ALWAYS AS ("lat" IS NOT NULL AND "lng" IS NOT NULL AND "provider_name" IS NOT NULL) STORED,
    "provider_name" TEXT COLLATE "C",
    "map_url" TEXT COLLATE "C",
    "static_map_url" TEXT COLLATE "C",
    "billing_info" TEXT,
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "addresses_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "customer_addresses" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "customer_id" TEXT COLLATE "C" NOT NULL,
    "address_id" TEXT COLLATE "C" NOT NULL,
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "customer_addresses_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "customer_payment_sources" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "customer_token" TEXT COLLATE "C",
    "payment_source_token" TEXT COLLATE "C",
    "customer_id" TEXT COLLATE "C" NOT NULL,
    "payment_method_id" TEXT COLLATE "C",
    "payment_source_id" TEXT COLLATE "C",
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "customer_payment_sources_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "payment_methods" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "name" TEXT NOT NULL,
    "payment_source_type" "payment_source_type" NOT NULL,
    "currency_code" TEXT COLLATE "C",
    "require_capture" BOOLEAN NOT NULL DEFAULT true,
    "price_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "disabled_at" TIMESTAMPTZ(3),
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "payment_methods_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "payment_sources" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "kind" "payment_source_type" NOT NULL,
    "payment_instrument" JSONB,
    "attributes" JSONB NOT NULL DEFAULT '{}',
    "order_id" TEXT COLLATE "C",
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "payment_sources_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "customer_subscriptions" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "reference" TEXT COLLATE "C" NOT NULL,
    "customer_id" TEXT COLLATE "C" NOT NULL,
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "customer_subscriptions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "orders" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "number" TEXT NOT NULL,
    "affiliate_code" TEXT COLLATE "C",
    "place_async" BOOLEAN NOT NULL DEFAULT false,
    "status" "order_status" NOT NULL DEFAULT 'draft',
    "payment_status" "order_payment_status" NOT NULL DEFAULT 'unpaid',
    "fulfillment_status" "order_fulfillment_status" NOT NULL DEFAULT 'unfulfilled',
    "guest" BOOLEAN NOT NULL DEFAULT false,
    "editable" BOOLEAN NOT NULL GENERATED ALWAYS AS ("status" IN ('draft', 'pending', 'editing')) STORED,
    "customer_email" TEXT,
    "customer_type" "order_customer_type",
    "language_code" TEXT COLLATE "C" NOT NULL DEFAULT 'en',
    "currency_code" TEXT COLLATE "C",
    "tax_included" BOOLEAN,
    "tax_rate" DOUBLE PRECISION,
    "country_code" TEXT COLLATE "C",
    "requires_billing_info" BOOLEAN NOT NULL DEFAULT false,
    "coupon_code" TEXT COLLATE "C",
    "gift_card_code" TEXT COLLATE "C",
    "subtotal_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "shipping_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "payment_method_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "discount_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "adjustment_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "gift_card_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "total_tax_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "subtotal_tax_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "total_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "total_taxable_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "total_amount_with_taxes_cents" INTEGER NOT NULL GENERATED ALWAYS AS ("total_amount_cents" + CASE WHEN "tax_included" THEN 0 ELSE "total_tax_amount_cents" END) STORED,
    "skus_count" INTEGER NOT NULL DEFAULT 0,
    "line_item_options_count" INTEGER NOT NULL DEFAULT 0,
    "shipments_count" INTEGER NOT NULL DEFAULT 0,
    "errors_count" INTEGER NOT NULL DEFAULT 0,
    "payment_source_details" JSONB,
    "token" TEXT COLLATE "C",
    "cart_url" TEXT COLLATE "C",
    "return_url" TEXT COLLATE "C",
    "terms_url" TEXT COLLATE "C",
    "privacy_url" TEXT COLLATE "C",
    "checkout_url" TEXT COLLATE "C",
    "placed_at" TIMESTAMPTZ(3),
    "approved_at" TIMESTAMPTZ(3),
    "cancelled_at" TIMESTAMPTZ(3),
    "payment_updated_at" TIMESTAMPTZ(3),
    "fulfillment_updated_at" TIMESTAMPTZ(3),
    "refreshed_at" TIMESTAMPTZ(3),
    "archived_at" TIMESTAMPTZ(3),
    "subscription_created_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3),
    "autorefresh" BOOLEAN NOT NULL DEFAULT true,
    "freight_taxable" BOOLEAN,
    "payment_method_taxable" BOOLEAN,
    "adjustment_taxable" BOOLEAN,
    "gift_card_taxable" BOOLEAN,
    "shipping_country_code_lock" TEXT COLLATE "C",
    "shipping_tax_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "payment_method_tax_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "adjustment_tax_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "subtotal_taxable_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "shipping_taxable_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "payment_method_taxable_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "adjustment_taxable_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "fees_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "duty_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "place_total_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "tax_calculations_count" INTEGER NOT NULL DEFAULT 0,
    "validations_count" INTEGER NOT NULL DEFAULT 0,
    "expiration_info" JSONB,
    "circuit_state" TEXT COLLATE "C",
    "circuit_failure_count" INTEGER,
    "market_id" TEXT COLLATE "C",
    "customer_id" TEXT COLLATE "C",
    "shipping_address_id" TEXT COLLATE "C",
    "billing_address_id" TEXT COLLATE "C",
    "payment_method_id" TEXT COLLATE "C",
    "payment_source_id" TEXT COLLATE "C",
    "order_subscription_id" TEXT COLLATE "C",
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "orders_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "line_items" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "item_type" "line_item_type",
    "sku_code" TEXT COLLATE "C",
    "bundle_code" TEXT COLLATE "C",
    "name" TEXT,
    "image_url" TEXT COLLATE "C",
    "quantity" INTEGER NOT NULL,
    "currency_code" TEXT COLLATE "C",
    "unit_amount_cents" INTEGER,
    "compare_at_amount_cents" INTEGER,
    "options_amount_cents" INTEGER,
    "discount_cents" INTEGER NOT NULL DEFAULT 0,
    "total_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "tax_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "tax_rate" DOUBLE PRECISION,
    "frequency" TEXT COLLATE "C",
    "coupon_code" TEXT COLLATE "C",
    "order_id" TEXT COLLATE "C" NOT NULL,
    "sku_id" TEXT COLLATE "C",
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "line_items_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "order_subscriptions" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "number" TEXT NOT NULL,
    "status" "order_subscription_status" NOT NULL DEFAULT 'draft',
    "frequency" TEXT COLLATE "C" NOT NULL,
    "activate_by_source_order" BOOLEAN NOT NULL DEFAULT true,
    "place_target_order" BOOLEAN NOT NULL DEFAULT true,
    "renewal_alert_period" INTEGER NOT NULL DEFAULT 1,
    "customer_email" TEXT,
    "starts_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3),
    "last_run_at" TIMESTAMPTZ(3),
    "next_run_at" TIMESTAMPTZ(3),
    "occurrencies" INTEGER NOT NULL DEFAULT 0,
    "errors_count" INTEGER NOT NULL DEFAULT 0,
    "succeeded_on_last_run" BOOLEAN,
    "market_id" TEXT COLLATE "C",
    "source_order_id" TEXT COLLATE "C" NOT NULL,
    "customer_id" TEXT COLLATE "C",
    "customer_payment_source_id" TEXT COLLATE "C",
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "order_subscriptions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "order_subscription_items" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "item_type" "order_subscription_item_type",
    "sku_code" TEXT COLLATE "C",
    "bundle_code" TEXT COLLATE "C",
    "quantity" INTEGER NOT NULL DEFAULT 1,
    "currency_code" TEXT COLLATE "C",
    "unit_amount_cents" INTEGER,
    "total_amount_cents" INTEGER GENERATED ALWAYS AS ("unit_amount_cents" * "quantity") STORED,
    "order_subscription_id" TEXT COLLATE "C" NOT NULL,
    "source_line_item_id" TEXT COLLATE "C",
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "order_subscription_items_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "returns" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "number" TEXT NOT NULL,
    "status" "return_status" NOT NULL DEFAULT 'draft',
    "customer_email" TEXT,
    "skus_count" INTEGER NOT NULL DEFAULT 0,
    "currency_code" TEXT COLLATE "C",
    "approved_at" TIMESTAMPTZ(3),
    "cancelled_at" TIMESTAMPTZ(3),
    "shipped_at" TIMESTAMPTZ(3),
    "rejected_at" TIMESTAMPTZ(3),
    "received_at" TIMESTAMPTZ(3),
    "refunded_at" TIMESTAMPTZ(3),
    "archived_at" TIMESTAMPTZ(3),
    "estimated_refund_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "order_id" TEXT COLLATE "C" NOT NULL,
    "customer_id" TEXT COLLATE "C",
    "stock_location_id" TEXT COLLATE "C",
    "origin_address_id" TEXT COLLATE "C",
    "destination_address_id" TEXT COLLATE "C",
    "reference" TEXT,
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "returns_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "return_line_items" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "sku_code" TEXT COLLATE "C",
    "bundle_code" TEXT COLLATE "C",
    "quantity" INTEGER NOT NULL,
    "name" TEXT,
    "image_url" TEXT COLLATE "C",
    "currency_code" TEXT COLLATE "C",
    "total_amount_cents" INTEGER NOT NULL DEFAULT 0,
    "return_reason" JSONB,
    "restocked_at" TIMESTAMPTZ(3),
    "return_id" TEXT COLLATE "C" NOT NULL,
    "line_item_id" TEXT COLLATE "C" NOT NULL,
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "return_line_items_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "sku_lists" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "name" TEXT NOT NULL,
    "slug" TEXT COLLATE "C" NOT NULL,
    "description" TEXT,
    "image_url" TEXT COLLATE "C",
    "manual" BOOLEAN NOT NULL DEFAULT true,
    "sku_code_regex" TEXT COLLATE "C",
    "customer_id" TEXT COLLATE "C",
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "sku_lists_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "sku_list_items" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "position" INTEGER,
    "sku_code" TEXT COLLATE "C" NOT NULL,
    "quantity" INTEGER NOT NULL DEFAULT 1,
    "sku_list_id" TEXT COLLATE "C" NOT NULL,
    "sku_id" TEXT COLLATE "C",
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "sku_list_items_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "skus" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "code" TEXT COLLATE "C" NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "image_url" TEXT COLLATE "C",
    "do_not_ship" BOOLEAN NOT NULL DEFAULT false,
    "do_not_track" BOOLEAN NOT NULL DEFAULT false,
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "skus_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "attachments" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "url" TEXT COLLATE "C",
    "attachable_type" TEXT COLLATE "C" NOT NULL,
    "attachable_id" TEXT COLLATE "C" NOT NULL,
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "attachments_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "events" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "resource_type" TEXT COLLATE "C" NOT NULL,
    "resource_id" TEXT COLLATE "C" NOT NULL,
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "events_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "event_callbacks" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "callback_url" TEXT COLLATE "C" NOT NULL,
    "payload" JSONB,
    "response_code" TEXT COLLATE "C",
    "response_message" TEXT,
    "event_id" TEXT COLLATE "C" NOT NULL,
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "event_callbacks_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "tags" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "tags_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "event_stores" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "resource_type" TEXT COLLATE "C" NOT NULL,
    "resource_id" TEXT COLLATE "C" NOT NULL,
    "event" TEXT COLLATE "C" NOT NULL,
    "payload" JSONB NOT NULL DEFAULT '{}',
    "who" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "event_stores_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "markets" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "number" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "code" TEXT COLLATE "C",
    "currency_code" TEXT COLLATE "C",
    "private" BOOLEAN NOT NULL GENERATED ALWAYS AS ("customer_group_id" IS NOT NULL) STORED,
    "checkout_url" TEXT COLLATE "C",
    "disabled_at" TIMESTAMPTZ(3),
    "customer_group_id" TEXT COLLATE "C",
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "markets_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "stock_locations" (
    "id" TEXT COLLATE "C" NOT NULL,
    "mode" "mode" NOT NULL,
    "number" SERIAL NOT NULL,
    "name" TEXT NOT NULL,
    "code" TEXT COLLATE "C",
    "label_format" "label_format" NOT NULL DEFAULT 'PDF',
    "suppress_etd" BOOLEAN,
    "address_id" TEXT COLLATE "C" NOT NULL,
    "reference" TEXT COLLATE "C",
    "reference_origin" TEXT COLLATE "C",
    "metadata" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "stock_locations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "customer_tags" (
    "customer_id" TEXT COLLATE "C" NOT NULL,
    "tag_id" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "customer_tags_pkey" PRIMARY KEY ("customer_id","tag_id")
);

-- CreateTable
CREATE TABLE "address_tags" (
    "address_id" TEXT COLLATE "C" NOT NULL,
    "tag_id" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "address_tags_pkey" PRIMARY KEY ("address_id","tag_id")
);

-- CreateTable
CREATE TABLE "order_tags" (
    "order_id" TEXT COLLATE "C" NOT NULL,
    "tag_id" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "order_tags_pkey" PRIMARY KEY ("order_id","tag_id")
);

-- CreateTable
CREATE TABLE "line_item_tags" (
    "line_item_id" TEXT COLLATE "C" NOT NULL,
    "tag_id" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "line_item_tags_pkey" PRIMARY KEY ("line_item_id","tag_id")
);

-- CreateTable
CREATE TABLE "order_subscription_tags" (
    "order_subscription_id" TEXT COLLATE "C" NOT NULL,
    "tag_id" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "order_subscription_tags_pkey" PRIMARY KEY ("order_subscription_id","tag_id")
);

-- CreateTable
CREATE TABLE "return_tags" (
    "return_id" TEXT COLLATE "C" NOT NULL,
    "tag_id" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "return_tags_pkey" PRIMARY KEY ("return_id","tag_id")
);

-- CreateTable
CREATE TABLE "sku_tags" (
    "sku_id" TEXT COLLATE "C" NOT NULL,
    "tag_id" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "sku_tags_pkey" PRIMARY KEY ("sku_id","tag_id")
);

-- CreateIndex
CREATE INDEX "customers_email_idx" ON "customers" USING GIN ("email" gin_trgm_ops);

-- CreateIndex
CREATE INDEX "customers_mode_status_id_idx" ON "customers"("mode", "status", "id");

-- CreateIndex
CREATE INDEX "customers_mode_has_password_id_idx" ON "customers"("mode", "has_password", "id");

-- CreateIndex
CREATE INDEX "customers_mode_total_orders_count_id_idx" ON "customers"("mode", "total_orders_count", "id");

-- CreateIndex
CREATE INDEX "customers_mode_anonymization_status_id_idx" ON "customers"("mode", "anonymization_status", "id");

-- CreateIndex
CREATE INDEX "customers_customer_group_id_created_at_id_idx" ON "customers"("customer_group_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "customers_mode_created_at_id_idx" ON "customers"("mode", "created_at", "id");

-- CreateIndex
CREATE INDEX "customers_mode_updated_at_id_idx" ON "customers"("mode", "updated_at", "id");

-- CreateIndex
CREATE INDEX "customers_reference_idx" ON "customers" USING GIN ("reference" gin_trgm_ops);

-- CreateIndex
CREATE INDEX "customers_mode_reference_id_idx" ON "customers"("mode", "reference", "id");

-- CreateIndex
CREATE INDEX "customers_mode_reference_origin_id_idx" ON "customers"("mode", "reference_origin", "id");

-- CreateIndex
CREATE INDEX "customers_metadata_idx" ON "customers" USING GIN ("metadata");

-- CreateIndex
CREATE UNIQUE INDEX "customers_mode_email_key" ON "customers"("mode", "email");

-- CreateIndex
CREATE INDEX "customer_groups_mode_name_id_idx" ON "customer_groups"("mode", "name", "id");

-- CreateIndex
CREATE INDEX "customer_groups_name_idx" ON "customer_groups" USING GIN ("name" gin_trgm_ops);

-- CreateIndex
CREATE INDEX "customer_groups_mode_created_at_id_idx" ON "customer_groups"("mode", "created_at", "id");

-- CreateIndex
CREATE INDEX "customer_groups_mode_updated_at_id_idx" ON "customer_groups"("mode", "updated_at", "id");

-- CreateIndex
CREATE INDEX "customer_groups_mode_reference_id_idx" ON "customer_groups"("mode", "reference", "id");

-- CreateIndex
CREATE INDEX "customer_groups_mode_reference_origin_id_idx" ON "customer_groups"("mode", "reference_origin", "id");

-- CreateIndex
CREATE UNIQUE INDEX "customer_groups_mode_code_key" ON "customer_groups"("mode", "code");

-- CreateIndex
CREATE INDEX "addresses_country_code_idx" ON "addresses"("country_code");

-- CreateIndex
CREATE INDEX "addresses_email_idx" ON "addresses" USING GIN ("email" gin_trgm_ops);

-- CreateIndex
CREATE INDEX "returns_reference_idx" ON "returns" USING GIN ("reference" gin_trgm_ops);

-- CreateIndex
CREATE INDEX "addresses_full_name_idx" ON "addresses" USING GIN ("full_name" gin_trgm_ops);

-- CreateIndex
CREATE INDEX "addresses_billing_info_idx" ON "addresses" USING GIN ("billing_info" gin_trgm_ops);

-- CreateIndex
CREATE INDEX "customer_addresses_customer_id_created_at_id_idx" ON "customer_addresses"("customer_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "customer_addresses_address_id_created_at_id_idx" ON "customer_addresses"("address_id", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "customer_addresses_customer_id_address_id_key" ON "customer_addresses"("customer_id", "address_id");

-- CreateIndex
CREATE INDEX "customer_payment_sources_customer_id_created_at_id_idx" ON "customer_payment_sources"("customer_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "customer_payment_sources_payment_method_id_created_at_id_idx" ON "customer_payment_sources"("payment_method_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "customer_payment_sources_payment_source_id_created_at_id_idx" ON "customer_payment_sources"("payment_source_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "payment_sources_order_id_created_at_id_idx" ON "payment_sources"("order_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "customer_subscriptions_customer_id_created_at_id_idx" ON "customer_subscriptions"("customer_id", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "customer_subscriptions_customer_id_reference_key" ON "customer_subscriptions"("customer_id", "reference");

-- CreateIndex
CREATE INDEX "orders_number_idx" ON "orders" USING GIN ("number" gin_trgm_ops);

-- CreateIndex
CREATE INDEX "orders_mode_status_id_idx" ON "orders"("mode", "status", "id");

-- CreateIndex
CREATE INDEX "orders_mode_payment_status_id_idx" ON "orders"("mode", "payment_status", "id");

-- CreateIndex
CREATE INDEX "orders_mode_fulfillment_status_id_idx" ON "orders"("mode", "fulfillment_status", "id");

-- CreateIndex
CREATE INDEX "orders_customer_email_idx" ON "orders" USING GIN ("customer_email" gin_trgm_ops);

-- CreateIndex
CREATE INDEX "orders_mode_customer_email_id_idx" ON "orders"("mode", "customer_email", "id");

-- CreateIndex
CREATE INDEX "orders_mode_country_code_id_idx" ON "orders"("mode", "country_code", "id");

-- CreateIndex
CREATE INDEX "orders_mode_coupon_code_id_idx" ON "orders"("mode", "coupon_code", "id");

-- CreateIndex
CREATE INDEX "orders_mode_total_amount_cents_id_idx" ON "orders"("mode", "total_amount_cents", "id");

-- CreateIndex
CREATE INDEX "orders_mode_total_amount_with_taxes_cents_id_idx" ON "orders"("mode", "total_amount_with_taxes_cents", "id");

-- CreateIndex
CREATE INDEX "orders_mode_placed_at_id_idx" ON "orders"("mode", "placed_at", "id");

-- CreateIndex
CREATE INDEX "orders_mode_placed_at_created_at_id_idx" ON "orders"("mode", "placed_at", "created_at", "id");

-- CreateIndex
CREATE INDEX "orders_mode_archived_at_id_idx" ON "orders"("mode", "archived_at", "id");

-- CreateIndex
CREATE INDEX "orders_market_id_created_at_id_idx" ON "orders"("market_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "orders_customer_id_placed_at_created_at_id_idx" ON "orders"("customer_id", "placed_at", "created_at", "id");

-- CreateIndex
CREATE INDEX "orders_shipping_address_id_created_at_id_idx" ON "orders"("shipping_address_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "orders_billing_address_id_created_at_id_idx" ON "orders"("billing_address_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "orders_payment_method_id_created_at_id_idx" ON "orders"("payment_method_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "orders_payment_source_id_created_at_id_idx" ON "orders"("payment_source_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "orders_order_subscription_id_placed_at_created_at_id_idx" ON "orders"("order_subscription_id", "placed_at", "created_at", "id");

-- CreateIndex
CREATE INDEX "orders_mode_created_at_id_idx" ON "orders"("mode", "created_at", "id");

-- CreateIndex
CREATE INDEX "orders_mode_updated_at_id_idx" ON "orders"("mode", "updated_at", "id");

-- CreateIndex
CREATE INDEX "orders_mode_reference_id_idx" ON "orders"("mode", "reference", "id");

-- CreateIndex
CREATE INDEX "orders_mode_reference_origin_id_idx" ON "orders"("mode", "reference_origin", "id");

-- CreateIndex
CREATE INDEX "orders_metadata_idx" ON "orders" USING GIN ("metadata");

-- CreateIndex
CREATE UNIQUE INDEX "orders_mode_number_key" ON "orders"("mode", "number");

-- CreateIndex
CREATE UNIQUE INDEX "orders_mode_token_key" ON "orders"("mode", "token");

-- CreateIndex
CREATE INDEX "line_items_order_id_created_at_id_idx" ON "line_items"("order_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "line_items_sku_id_created_at_id_idx" ON "line_items"("sku_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "order_subscriptions_number_idx" ON "order_subscriptions" USING GIN ("number" gin_trgm_ops);

-- CreateIndex
CREATE INDEX "order_subscriptions_mode_status_id_idx" ON "order_subscriptions"("mode", "status", "id");

-- CreateIndex
CREATE INDEX "order_subscriptions_mode_frequency_id_idx" ON "order_subscriptions"("mode", "frequency", "id");

-- CreateIndex
CREATE INDEX "order_subscriptions_customer_email_idx" ON "order_subscriptions" USING GIN ("customer_email" gin_trgm_ops);

-- CreateIndex
CREATE INDEX "order_subscriptions_mode_customer_email_id_idx" ON "order_subscriptions"("mode", "customer_email", "id");

-- CreateIndex
CREATE INDEX "order_subscriptions_mode_starts_at_id_idx" ON "order_subscriptions"("mode", "starts_at", "id");

-- CreateIndex
CREATE INDEX "order_subscriptions_mode_expires_at_id_idx" ON "order_subscriptions"("mode", "expires_at", "id");

-- CreateIndex
CREATE INDEX "order_subscriptions_mode_last_run_at_id_idx" ON "order_subscriptions"("mode", "last_run_at", "id");

-- CreateIndex
CREATE INDEX "order_subscriptions_mode_next_run_at_id_idx" ON "order_subscriptions"("mode", "next_run_at", "id");

-- CreateIndex
CREATE INDEX "order_subscriptions_market_id_created_at_id_idx" ON "order_subscriptions"("market_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "order_subscriptions_source_order_id_next_run_at_id_idx" ON "order_subscriptions"("source_order_id", "next_run_at", "id");

-- CreateIndex
CREATE INDEX "order_subscriptions_customer_id_next_run_at_id_idx" ON "order_subscriptions"("customer_id", "next_run_at", "id");

-- CreateIndex
CREATE INDEX "order_subscriptions_customer_payment_source_id_created_at_i_idx" ON "order_subscriptions"("customer_payment_source_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "order_subscriptions_mode_created_at_id_idx" ON "order_subscriptions"("mode", "created_at", "id");

-- CreateIndex
CREATE INDEX "order_subscriptions_mode_updated_at_id_idx" ON "order_subscriptions"("mode", "updated_at", "id");

-- CreateIndex
CREATE INDEX "order_subscriptions_mode_reference_id_idx" ON "order_subscriptions"("mode", "reference", "id");

-- CreateIndex
CREATE INDEX "order_subscriptions_mode_reference_origin_id_idx" ON "order_subscriptions"("mode", "reference_origin", "id");

-- CreateIndex
CREATE UNIQUE INDEX "order_subscriptions_mode_number_key" ON "order_subscriptions"("mode", "number");

-- CreateIndex
CREATE INDEX "order_subscription_items_order_subscription_id_created_at_i_idx" ON "order_subscription_items"("order_subscription_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "order_subscription_items_source_line_item_id_created_at_id_idx" ON "order_subscription_items"("source_line_item_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "returns_number_idx" ON "returns" USING GIN ("number" gin_trgm_ops);

-- CreateIndex
CREATE INDEX "returns_mode_status_id_idx" ON "returns"("mode", "status", "id");

-- CreateIndex
CREATE INDEX "returns_customer_email_idx" ON "returns" USING GIN ("customer_email" gin_trgm_ops);

-- CreateIndex
CREATE INDEX "returns_mode_customer_email_id_idx" ON "returns"("mode", "customer_email", "id");

-- CreateIndex
CREATE INDEX "returns_mode_skus_count_id_idx" ON "returns"("mode", "skus_count", "id");

-- CreateIndex
CREATE INDEX "returns_mode_archived_at_id_idx" ON "returns"("mode", "archived_at", "id");

-- CreateIndex
CREATE INDEX "returns_order_id_created_at_id_idx" ON "returns"("order_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "returns_customer_id_created_at_id_idx" ON "returns"("customer_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "returns_stock_location_id_created_at_id_idx" ON "returns"("stock_location_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "returns_origin_address_id_created_at_id_idx" ON "returns"("origin_address_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "returns_destination_address_id_created_at_id_idx" ON "returns"("destination_address_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "returns_mode_created_at_id_idx" ON "returns"("mode", "created_at", "id");

-- CreateIndex
CREATE INDEX "returns_mode_updated_at_id_idx" ON "returns"("mode", "updated_at", "id");

-- CreateIndex
CREATE INDEX "returns_mode_reference_id_idx" ON "returns"("mode", "reference", "id");

-- CreateIndex
CREATE INDEX "returns_mode_reference_origin_id_idx" ON "returns"("mode", "reference_origin", "id");

-- CreateIndex
CREATE UNIQUE INDEX "returns_mode_number_key" ON "returns"("mode", "number");

-- CreateIndex
CREATE INDEX "return_line_items_return_id_created_at_id_idx" ON "return_line_items"("return_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "return_line_items_line_item_id_created_at_id_idx" ON "return_line_items"("line_item_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "sku_lists_mode_name_id_idx" ON "sku_lists"("mode", "name", "id");

-- CreateIndex
CREATE INDEX "sku_lists_name_idx" ON "sku_lists" USING GIN ("name" gin_trgm_ops);

-- CreateIndex
CREATE INDEX "sku_lists_customer_id_name_id_idx" ON "sku_lists"("customer_id", "name", "id");

-- CreateIndex
CREATE INDEX "sku_lists_mode_created_at_id_idx" ON "sku_lists"("mode", "created_at", "id");

-- CreateIndex
CREATE INDEX "sku_lists_mode_updated_at_id_idx" ON "sku_lists"("mode", "updated_at", "id");

-- CreateIndex
CREATE INDEX "sku_lists_mode_reference_id_idx" ON "sku_lists"("mode", "reference", "id");

-- CreateIndex
CREATE INDEX "sku_lists_mode_reference_origin_id_idx" ON "sku_lists"("mode", "reference_origin", "id");

-- CreateIndex
CREATE UNIQUE INDEX "sku_lists_mode_slug_key" ON "sku_lists"("mode", "slug");

-- CreateIndex
CREATE INDEX "sku_list_items_sku_list_id_position_created_at_id_idx" ON "sku_list_items"("sku_list_id", "position", "created_at", "id");

-- CreateIndex
CREATE INDEX "sku_list_items_sku_id_created_at_id_idx" ON "sku_list_items"("sku_id", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "skus_mode_code_key" ON "skus"("mode", "code");

-- CreateIndex
CREATE INDEX "attachments_attachable_id_attachable_type_created_at_id_idx" ON "attachments"("attachable_id", "attachable_type", "created_at", "id");

-- CreateIndex
CREATE INDEX "events_resource_id_resource_type_created_at_id_idx" ON "events"("resource_id", "resource_type", "created_at", "id");

-- CreateIndex
CREATE INDEX "event_callbacks_event_id_created_at_id_idx" ON "event_callbacks"("event_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "tags_name_idx" ON "tags" USING GIN ("name" gin_trgm_ops);

-- CreateIndex
CREATE INDEX "tags_mode_created_at_id_idx" ON "tags"("mode", "created_at", "id");

-- CreateIndex
CREATE INDEX "tags_mode_updated_at_id_idx" ON "tags"("mode", "updated_at", "id");

-- CreateIndex
CREATE INDEX "tags_mode_reference_id_idx" ON "tags"("mode", "reference", "id");

-- CreateIndex
CREATE INDEX "tags_mode_reference_origin_id_idx" ON "tags"("mode", "reference_origin", "id");

-- CreateIndex
CREATE UNIQUE INDEX "tags_mode_name_key" ON "tags"("mode", "name");

-- CreateIndex
CREATE INDEX "event_stores_resource_id_resource_type_created_at_id_idx" ON "event_stores"("resource_id", "resource_type", "created_at", "id");

-- CreateIndex
CREATE INDEX "markets_mode_name_id_idx" ON "markets"("mode", "name", "id");

-- CreateIndex
CREATE INDEX "markets_name_idx" ON "markets" USING GIN ("name" gin_trgm_ops);

-- CreateIndex
CREATE INDEX "markets_mode_disabled_at_id_idx" ON "markets"("mode", "disabled_at", "id");

-- CreateIndex
CREATE INDEX "markets_customer_group_id_name_id_idx" ON "markets"("customer_group_id", "name", "id");

-- CreateIndex
CREATE INDEX "markets_mode_created_at_id_idx" ON "markets"("mode", "created_at", "id");

-- CreateIndex
CREATE INDEX "markets_mode_updated_at_id_idx" ON "markets"("mode", "updated_at", "id");

-- CreateIndex
CREATE INDEX "markets_mode_reference_id_idx" ON "markets"("mode", "reference", "id");

-- CreateIndex
CREATE INDEX "markets_mode_reference_origin_id_idx" ON "markets"("mode", "reference_origin", "id");

-- CreateIndex
CREATE UNIQUE INDEX "markets_mode_code_key" ON "markets"("mode", "code");

-- CreateIndex
CREATE INDEX "stock_locations_mode_name_id_idx" ON "stock_locations"("mode", "name", "id");

-- CreateIndex
CREATE INDEX "stock_locations_name_idx" ON "stock_locations" USING GIN ("name" gin_trgm_ops);

-- CreateIndex
CREATE INDEX "stock_locations_address_id_created_at_id_idx" ON "stock_locations"("address_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "stock_locations_mode_created_at_id_idx" ON "stock_locations"("mode", "created_at", "id");

-- CreateIndex
CREATE INDEX "stock_locations_mode_updated_at_id_idx" ON "stock_locations"("mode", "updated_at", "id");

-- CreateIndex
CREATE INDEX "stock_locations_mode_reference_id_idx" ON "stock_locations"("mode", "reference", "id");

-- CreateIndex
CREATE INDEX "stock_locations_mode_reference_origin_id_idx" ON "stock_locations"("mode", "reference_origin", "id");

-- CreateIndex
CREATE UNIQUE INDEX "stock_locations_mode_code_key" ON "stock_locations"("mode", "code");

-- CreateIndex
CREATE INDEX "customer_tags_tag_id_customer_id_idx" ON "customer_tags"("tag_id", "customer_id");

-- CreateIndex
CREATE INDEX "address_tags_tag_id_address_id_idx" ON "address_tags"("tag_id", "address_id");

-- CreateIndex
CREATE INDEX "order_tags_tag_id_order_id_idx" ON "order_tags"("tag_id", "order_id");

-- CreateIndex
CREATE INDEX "line_item_tags_tag_id_line_item_id_idx" ON "line_item_tags"("tag_id", "line_item_id");

-- CreateIndex
CREATE INDEX "order_subscription_tags_tag_id_order_subscription_id_idx" ON "order_subscription_tags"("tag_id", "order_subscription_id");

-- CreateIndex
CREATE INDEX "return_tags_tag_id_return_id_idx" ON "return_tags"("tag_id", "return_id");

-- CreateIndex
CREATE INDEX "sku_tags_tag_id_sku_id_idx" ON "sku_tags"("tag_id", "sku_id");

-- AddForeignKey
ALTER TABLE "customers" ADD CONSTRAINT "customers_customer_group_id_fkey" FOREIGN KEY ("customer_group_id") REFERENCES "customer_groups"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "customer_addresses" ADD CONSTRAINT "customer_addresses_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customers"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "customer_addresses" ADD CONSTRAINT "customer_addresses_address_id_fkey" FOREIGN KEY ("address_id") REFERENCES "addresses"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "customer_payment_sources" ADD CONSTRAINT "customer_payment_sources_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customers"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "customer_payment_sources" ADD CONSTRAINT "customer_payment_sources_payment_method_id_fkey" FOREIGN KEY ("payment_method_id") REFERENCES "payment_methods"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "customer_payment_sources" ADD CONSTRAINT "customer_payment_sources_payment_source_id_fkey" FOREIGN KEY ("payment_source_id") REFERENCES "payment_sources"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "payment_sources" ADD CONSTRAINT "payment_sources_order_id_fkey" FOREIGN KEY ("order_id") REFERENCES "orders"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "customer_subscriptions" ADD CONSTRAINT "customer_subscriptions_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customers"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "orders" ADD CONSTRAINT "orders_market_id_fkey" FOREIGN KEY ("market_id") REFERENCES "markets"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "orders" ADD CONSTRAINT "orders_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customers"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "orders" ADD CONSTRAINT "orders_shipping_address_id_fkey" FOREIGN KEY ("shipping_address_id") REFERENCES "addresses"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "orders" ADD CONSTRAINT "orders_billing_address_id_fkey" FOREIGN KEY ("billing_address_id") REFERENCES "addresses"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "orders" ADD CONSTRAINT "orders_payment_method_id_fkey" FOREIGN KEY ("payment_method_id") REFERENCES "payment_methods"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "orders" ADD CONSTRAINT "orders_payment_source_id_fkey" FOREIGN KEY ("payment_source_id") REFERENCES "payment_sources"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "orders" ADD CONSTRAINT "orders_order_subscription_id_fkey" FOREIGN KEY ("order_subscription_id") REFERENCES "order_subscriptions"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "line_items" ADD CONSTRAINT "line_items_order_id_fkey" FOREIGN KEY ("order_id") REFERENCES "orders"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "line_items" ADD CONSTRAINT "line_items_sku_id_fkey" FOREIGN KEY ("sku_id") REFERENCES "skus"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "order_subscriptions" ADD CONSTRAINT "order_subscriptions_market_id_fkey" FOREIGN KEY ("market_id") REFERENCES "markets"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "order_subscriptions" ADD CONSTRAINT "order_subscriptions_source_order_id_fkey" FOREIGN KEY ("source_order_id") REFERENCES "orders"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "order_subscriptions" ADD CONSTRAINT "order_subscriptions_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customers"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "order_subscriptions" ADD CONSTRAINT "order_subscriptions_customer_payment_source_id_fkey" FOREIGN KEY ("customer_payment_source_id") REFERENCES "customer_payment_sources"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "order_subscription_items" ADD CONSTRAINT "order_subscription_items_order_subscription_id_fkey" FOREIGN KEY ("order_subscription_id") REFERENCES "order_subscriptions"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "order_subscription_items" ADD CONSTRAINT "order_subscription_items_source_line_item_id_fkey" FOREIGN KEY ("source_line_item_id") REFERENCES "line_items"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "returns" ADD CONSTRAINT "returns_order_id_fkey" FOREIGN KEY ("order_id") REFERENCES "orders"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "returns" ADD CONSTRAINT "returns_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customers"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "returns" ADD CONSTRAINT "returns_stock_location_id_fkey" FOREIGN KEY ("stock_location_id") REFERENCES "stock_locations"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "returns" ADD CONSTRAINT "returns_origin_address_id_fkey" FOREIGN KEY ("origin_address_id") REFERENCES "addresses"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "returns" ADD CONSTRAINT "returns_destination_address_id_fkey" FOREIGN KEY ("destination_address_id") REFERENCES "addresses"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "return_line_items" ADD CONSTRAINT "return_line_items_return_id_fkey" FOREIGN KEY ("return_id") REFERENCES "returns"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "return_line_items" ADD CONSTRAINT "return_line_items_line_item_id_fkey" FOREIGN KEY ("line_item_id") REFERENCES "line_items"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sku_lists" ADD CONSTRAINT "sku_lists_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customers"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sku_list_items" ADD CONSTRAINT "sku_list_items_sku_list_id_fkey" FOREIGN KEY ("sku_list_id") REFERENCES "sku_lists"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sku_list_items" ADD CONSTRAINT "sku_list_items_sku_id_fkey" FOREIGN KEY ("sku_id") REFERENCES "skus"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "event_callbacks" ADD CONSTRAINT "event_callbacks_event_id_fkey" FOREIGN KEY ("event_id") REFERENCES "events"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "markets" ADD CONSTRAINT "markets_customer_group_id_fkey" FOREIGN KEY ("customer_group_id") REFERENCES "customer_groups"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "stock_locations" ADD CONSTRAINT "stock_locations_address_id_fkey" FOREIGN KEY ("address_id") REFERENCES "addresses"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "customer_tags" ADD CONSTRAINT "customer_tags_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customers"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "customer_tags" ADD CONSTRAINT "customer_tags_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tags"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "address_tags" ADD CONSTRAINT "address_tags_address_id_fkey" FOREIGN KEY ("address_id") REFERENCES "addresses"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "address_tags" ADD CONSTRAINT "address_tags_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tags"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "order_tags" ADD CONSTRAINT "order_tags_order_id_fkey" FOREIGN KEY ("order_id") REFERENCES "orders"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "order_tags" ADD CONSTRAINT "order_tags_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tags"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "line_item_tags" ADD CONSTRAINT "line_item_tags_line_item_id_fkey" FOREIGN KEY ("line_item_id") REFERENCES "line_items"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "line_item_tags" ADD CONSTRAINT "line_item_tags_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tags"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "order_subscription_tags" ADD CONSTRAINT "order_subscription_tags_order_subscription_id_fkey" FOREIGN KEY ("order_subscription_id") REFERENCES "order_subscriptions"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "order_subscription_tags" ADD CONSTRAINT "order_subscription_tags_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tags"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "return_tags" ADD CONSTRAINT "return_tags_return_id_fkey" FOREIGN KEY ("return_id") REFERENCES "returns"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "return_tags" ADD CONSTRAINT "return_tags_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tags"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sku_tags" ADD CONSTRAINT "sku_tags_sku_id_fkey" FOREIGN KEY ("sku_id") REFERENCES "skus"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "sku_tags" ADD CONSTRAINT "sku_tags_tag_id_fkey" FOREIGN KEY ("tag_id") REFERENCES "tags"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- By hand: checks. Their names are part of the API's error mapping.
ALTER TABLE "customers"
    ADD CONSTRAINT "customers_email_lower_case" CHECK ("email" = lower("email") AND length("email") BETWEEN 3 AND 255),
    ADD CONSTRAINT "customers_shopper_reference_length" CHECK (length("shopper_reference") BETWEEN 3 AND 128),
    ADD CONSTRAINT "customers_profile_id_length" CHECK (length("profile_id") BETWEEN 1 AND 255),
    ADD CONSTRAINT "customers_total_orders_count_not_negative" CHECK ("total_orders_count" >= 0);
ALTER TABLE "addresses" ADD CONSTRAINT "addresses_country_code_format" CHECK ("country_code" ~ '^[A-Z]{2}$');
ALTER TABLE "tags" ADD CONSTRAINT "tags_name_format" CHECK ("name" ~ '^[a-z0-9]+([-_:][a-z0-9]+)*$' AND length("name") <= 25);
ALTER TABLE "line_items" ADD CONSTRAINT "line_items_quantity_positive" CHECK ("quantity" >= 1);
ALTER TABLE "return_line_items" ADD CONSTRAINT "return_line_items_quantity_positive" CHECK ("quantity" >= 1);
ALTER TABLE "order_subscription_items" ADD CONSTRAINT "order_subscription_items_quantity_positive" CHECK ("quantity" >= 1);
ALTER TABLE "order_subscriptions" ADD CONSTRAINT "order_subscriptions_renewal_alert_period_range" CHECK ("renewal_alert_period" BETWEEN 1 AND 720);
ALTER TABLE "customers" ADD CONSTRAINT "customers_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "customer_groups" ADD CONSTRAINT "customer_groups_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "addresses" ADD CONSTRAINT "addresses_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "customer_addresses" ADD CONSTRAINT "customer_addresses_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "customer_payment_sources" ADD CONSTRAINT "customer_payment_sources_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "payment_methods" ADD CONSTRAINT "payment_methods_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "payment_sources" ADD CONSTRAINT "payment_sources_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "customer_subscriptions" ADD CONSTRAINT "customer_subscriptions_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "orders" ADD CONSTRAINT "orders_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "line_items" ADD CONSTRAINT "line_items_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "order_subscriptions" ADD CONSTRAINT "order_subscriptions_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "order_subscription_items" ADD CONSTRAINT "order_subscription_items_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "returns" ADD CONSTRAINT "returns_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "return_line_items" ADD CONSTRAINT "return_line_items_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "sku_lists" ADD CONSTRAINT "sku_lists_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "sku_list_items" ADD CONSTRAINT "sku_list_items_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "skus" ADD CONSTRAINT "skus_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "attachments" ADD CONSTRAINT "attachments_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "events" ADD CONSTRAINT "events_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "event_callbacks" ADD CONSTRAINT "event_callbacks_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "tags" ADD CONSTRAINT "tags_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "markets" ADD CONSTRAINT "markets_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');
ALTER TABLE "stock_locations" ADD CONSTRAINT "stock_locations_metadata_object" CHECK (jsonb_typeof("metadata") = 'object');

-- By hand: `version` and `updated_at` move with every change of a row, and only then. A writer may set `updated_at` (an
-- import does). Columns kept by the triggers further down are not named here, so derived facts leave both alone.
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW IS DISTINCT FROM OLD THEN
        NEW.version := OLD.version + 1;
        IF NEW.updated_at = OLD.updated_at THEN
            NEW.updated_at := now();
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER "customers_touch" BEFORE UPDATE OF "mode", "email", "password_digest", "shopper_reference", "profile_id", "tax_exemption_code", "anonymization_status", "anonymization_requested_at", "anonymization_started_at", "anonymization_completed_at", "anonymization_failed_at", "anonymization_cancelled_at", "anonymization_requester", "anonymization_reason", "anonymization_cancellation_reason", "anonymization_cancellation_requester", "customer_group_id", "reference", "reference_origin", "metadata", "version", "created_at", "updated_at" ON "customers" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "customer_groups_touch" BEFORE UPDATE ON "customer_groups" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "addresses_touch" BEFORE UPDATE ON "addresses" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "customer_addresses_touch" BEFORE UPDATE ON "customer_addresses" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "customer_payment_sources_touch" BEFORE UPDATE ON "customer_payment_sources" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "payment_methods_touch" BEFORE UPDATE ON "payment_methods" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "payment_sources_touch" BEFORE UPDATE ON "payment_sources" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "customer_subscriptions_touch" BEFORE UPDATE ON "customer_subscriptions" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "orders_touch" BEFORE UPDATE OF "mode", "number", "affiliate_code", "place_async", "status", "payment_status", "fulfillment_status", "guest", "customer_email", "customer_type", "language_code", "currency_code", "tax_included", "tax_rate", "country_code", "requires_billing_info", "coupon_code", "gift_card_code", "subtotal_amount_cents", "shipping_amount_cents", "payment_method_amount_cents", "discount_amount_cents", "adjustment_amount_cents", "gift_card_amount_cents", "total_tax_amount_cents", "subtotal_tax_amount_cents", "total_amount_cents", "total_taxable_amount_cents", "line_item_options_count", "shipments_count", "errors_count", "payment_source_details", "token", "cart_url", "return_url", "terms_url", "privacy_url", "checkout_url", "placed_at", "approved_at", "cancelled_at", "payment_updated_at", "fulfillment_updated_at", "refreshed_at", "archived_at", "subscription_created_at", "expires_at", "autorefresh", "freight_taxable", "payment_method_taxable", "adjustment_taxable", "gift_card_taxable", "shipping_country_code_lock", "shipping_tax_amount_cents", "payment_method_tax_amount_cents", "adjustment_tax_amount_cents", "subtotal_taxable_amount_cents", "shipping_taxable_amount_cents", "payment_method_taxable_amount_cents", "adjustment_taxable_amount_cents", "fees_amount_cents", "duty_amount_cents", "place_total_amount_cents", "tax_calculations_count", "validations_count", "expiration_info", "circuit_state", "circuit_failure_count", "market_id", "customer_id", "shipping_address_id", "billing_address_id", "payment_method_id", "payment_source_id", "order_subscription_id", "reference", "reference_origin", "metadata", "version", "created_at", "updated_at" ON "orders" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "line_items_touch" BEFORE UPDATE ON "line_items" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "order_subscriptions_touch" BEFORE UPDATE ON "order_subscriptions" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "order_subscription_items_touch" BEFORE UPDATE ON "order_subscription_items" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "returns_touch" BEFORE UPDATE OF "mode", "number", "status", "customer_email", "currency_code", "approved_at", "cancelled_at", "shipped_at", "rejected_at", "received_at", "refunded_at", "archived_at", "order_id", "customer_id", "stock_location_id", "origin_address_id", "destination_address_id", "reference", "reference_origin", "metadata", "version", "created_at", "updated_at" ON "returns" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "return_line_items_touch" BEFORE UPDATE ON "return_line_items" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "sku_lists_touch" BEFORE UPDATE ON "sku_lists" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "sku_list_items_touch" BEFORE UPDATE ON "sku_list_items" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "skus_touch" BEFORE UPDATE ON "skus" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "attachments_touch" BEFORE UPDATE ON "attachments" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "events_touch" BEFORE UPDATE ON "events" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "event_callbacks_touch" BEFORE UPDATE ON "event_callbacks" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "tags_touch" BEFORE UPDATE ON "tags" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "markets_touch" BEFORE UPDATE ON "markets" FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER "stock_locations_touch" BEFORE UPDATE ON "stock_locations" FOR EACH ROW EXECUTE FUNCTION touch();

-- By hand: counts over other rows are kept in the transaction that changes those rows. Rows are added up per statement,
-- so a bulk write costs one update per parent; parents are locked in the order of their ids, so that two bulk writes
-- cannot deadlock.

-- customers.total_orders_count: placed orders of the same mode. customers.status is generated from it.
CREATE FUNCTION count_placed_orders(ids text[], deltas int[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(ids) IS NULL OR cardinality(ids) = 0 THEN
        RETURN;
    END IF;
    PERFORM 1 FROM customers WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE customers c SET total_orders_count = c.total_orders_count + d.delta
    FROM (SELECT i.id, sum(i.delta)::int AS delta FROM unnest(ids, deltas) AS i (id, delta) GROUP BY i.id) d
    WHERE c.id = d.id AND d.delta <> 0;
END $$;

CREATE FUNCTION orders_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_placed_orders(array_agg(customer_id), array_agg(1))
    FROM new_rows WHERE placed_at IS NOT NULL AND customer_id IS NOT NULL;
    RETURN NULL;
END $$;

CREATE FUNCTION orders_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_placed_orders(array_agg(customer_id), array_agg(-1))
    FROM old_rows WHERE placed_at IS NOT NULL AND customer_id IS NOT NULL;
    RETURN NULL;
END $$;

CREATE FUNCTION order_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_placed_orders(
        array_remove(ARRAY[CASE WHEN OLD.placed_at IS NOT NULL THEN OLD.customer_id END,
                           CASE WHEN NEW.placed_at IS NOT NULL THEN NEW.customer_id END], NULL),
        array_remove(ARRAY[CASE WHEN OLD.placed_at IS NOT NULL AND OLD.customer_id IS NOT NULL THEN -1 END,
                           CASE WHEN NEW.placed_at IS NOT NULL AND NEW.customer_id IS NOT NULL THEN 1 END], NULL));
    RETURN NULL;
END $$;

CREATE TRIGGER "orders_count_inserted" AFTER INSERT ON "orders" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION orders_inserted();
CREATE TRIGGER "orders_count_deleted" AFTER DELETE ON "orders" REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION orders_deleted();
CREATE TRIGGER "orders_count_moved" AFTER UPDATE OF "placed_at", "customer_id" ON "orders" FOR EACH ROW
    WHEN (OLD.customer_id IS DISTINCT FROM NEW.customer_id OR (OLD.placed_at IS NULL) <> (NEW.placed_at IS NULL))
    EXECUTE FUNCTION order_moved();

-- orders.skus_count: the quantities of its SKU lines.
CREATE FUNCTION count_order_skus(ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(ids) IS NULL THEN
        RETURN;
    END IF;
    PERFORM 1 FROM orders WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE orders o SET skus_count = s.total
    FROM (SELECT i.id, coalesce(sum(l.quantity) FILTER (WHERE l.item_type = 'skus'), 0)::int AS total
          FROM (SELECT DISTINCT unnest(ids) AS id) i LEFT JOIN line_items l ON l.order_id = i.id GROUP BY i.id) s
    WHERE o.id = s.id AND o.skus_count <> s.total;
END $$;

CREATE FUNCTION line_items_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_order_skus(array_agg(DISTINCT order_id)) FROM new_rows;
    RETURN NULL;
END $$;

CREATE FUNCTION line_items_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_order_skus(array_agg(DISTINCT order_id)) FROM old_rows;
    RETURN NULL;
END $$;

CREATE FUNCTION line_item_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_order_skus(ARRAY[OLD.order_id, NEW.order_id]);
    RETURN NULL;
END $$;

CREATE TRIGGER "line_items_count_inserted" AFTER INSERT ON "line_items" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION line_items_inserted();
CREATE TRIGGER "line_items_count_deleted" AFTER DELETE ON "line_items" REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION line_items_deleted();
CREATE TRIGGER "line_items_count_changed" AFTER UPDATE OF "order_id", "item_type", "quantity" ON "line_items" FOR EACH ROW
    WHEN (OLD.order_id <> NEW.order_id OR OLD.item_type IS DISTINCT FROM NEW.item_type OR OLD.quantity <> NEW.quantity)
    EXECUTE FUNCTION line_item_changed();

-- returns.skus_count and returns.estimated_refund_amount_cents: sums over its lines.
CREATE FUNCTION sum_return_lines(ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(ids) IS NULL THEN
        RETURN;
    END IF;
    PERFORM 1 FROM returns WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE returns r SET skus_count = s.skus, estimated_refund_amount_cents = s.refund
    FROM (SELECT i.id, coalesce(sum(l.quantity) FILTER (WHERE l.sku_code IS NOT NULL), 0)::int AS skus,
                 coalesce(sum(l.total_amount_cents), 0)::int AS refund
          FROM (SELECT DISTINCT unnest(ids) AS id) i LEFT JOIN return_line_items l ON l.return_id = i.id GROUP BY i.id) s
    WHERE r.id = s.id AND (r.skus_count <> s.skus OR r.estimated_refund_amount_cents <> s.refund);
END $$;

CREATE FUNCTION return_lines_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sum_return_lines(array_agg(DISTINCT return_id)) FROM new_rows;
    RETURN NULL;
END $$;

CREATE FUNCTION return_lines_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sum_return_lines(array_agg(DISTINCT return_id)) FROM old_rows;
    RETURN NULL;
END $$;

CREATE FUNCTION return_line_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sum_return_lines(ARRAY[OLD.return_id, NEW.return_id]);
    RETURN NULL;
END $$;

CREATE TRIGGER "return_line_items_sum_inserted" AFTER INSERT ON "return_line_items" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION return_lines_inserted();
CREATE TRIGGER "return_line_items_sum_deleted" AFTER DELETE ON "return_line_items" REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION return_lines_deleted();
CREATE TRIGGER "return_line_items_sum_changed" AFTER UPDATE OF "return_id", "sku_code", "quantity", "total_amount_cents"
    ON "return_line_items" FOR EACH ROW EXECUTE FUNCTION return_line_changed();

-- By hand: what a row takes over from the order it belongs to, unless it is given.
CREATE FUNCTION inherit_from_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE TG_TABLE_NAME
        WHEN 'orders' THEN
            IF NEW.customer_email IS NULL AND NEW.customer_id IS NOT NULL THEN
                SELECT email INTO NEW.customer_email FROM customers WHERE id = NEW.customer_id;
            END IF;
            IF NEW.currency_code IS NULL AND NEW.market_id IS NOT NULL THEN
                SELECT currency_code INTO NEW.currency_code FROM markets WHERE id = NEW.market_id;
            END IF;
        WHEN 'line_items' THEN
            NEW.currency_code := coalesce(NEW.currency_code, (SELECT currency_code FROM orders WHERE id = NEW.order_id));
        WHEN 'returns' THEN
            SELECT coalesce(NEW.currency_code, o.currency_code), coalesce(NEW.customer_id, o.customer_id),
                   coalesce(NEW.customer_email, o.customer_email)
            INTO NEW.currency_code, NEW.customer_id, NEW.customer_email FROM orders o WHERE o.id = NEW.order_id;
        WHEN 'order_subscriptions' THEN
            SELECT coalesce(NEW.market_id, o.market_id), coalesce(NEW.customer_id, o.customer_id),
                   coalesce(NEW.customer_email, o.customer_email)
            INTO NEW.market_id, NEW.customer_id, NEW.customer_email FROM orders o WHERE o.id = NEW.source_order_id;
        WHEN 'order_subscription_items' THEN
            NEW.currency_code := coalesce(NEW.currency_code, (
                SELECT o.currency_code FROM order_subscriptions s JOIN orders o ON o.id = s.source_order_id
                WHERE s.id = NEW.order_subscription_id));
        WHEN 'return_line_items' THEN
            SELECT coalesce(NEW.currency_code, l.currency_code), coalesce(NEW.sku_code, l.sku_code),
                   coalesce(NEW.bundle_code, l.bundle_code), coalesce(NEW.name, l.name), coalesce(NEW.image_url, l.image_url)
            INTO NEW.currency_code, NEW.sku_code, NEW.bundle_code, NEW.name, NEW.image_url
            FROM line_items l WHERE l.id = NEW.line_item_id;
    END CASE;
    RETURN NEW;
END $$;
CREATE TRIGGER "orders_inherit" BEFORE INSERT ON "orders" FOR EACH ROW EXECUTE FUNCTION inherit_from_order();
CREATE TRIGGER "line_items_inherit" BEFORE INSERT ON "line_items" FOR EACH ROW EXECUTE FUNCTION inherit_from_order();
CREATE TRIGGER "returns_inherit" BEFORE INSERT ON "returns" FOR EACH ROW EXECUTE FUNCTION inherit_from_order();
CREATE TRIGGER "order_subscriptions_inherit" BEFORE INSERT ON "order_subscriptions" FOR EACH ROW EXECUTE FUNCTION inherit_from_order();
CREATE TRIGGER "order_subscription_items_inherit" BEFORE INSERT ON "order_subscription_items" FOR EACH ROW EXECUTE FUNCTION inherit_from_order();
CREATE TRIGGER "return_line_items_inherit" BEFORE INSERT ON "return_line_items" FOR EACH ROW EXECUTE FUNCTION inherit_from_order();
