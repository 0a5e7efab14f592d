// TypeGraphQL needs this before any of its modules is loaded.
import "reflect-metadata";
