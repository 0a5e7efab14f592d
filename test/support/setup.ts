// TypeGraphQL reads the metadata when a module is loaded: before any of them.
import "reflect-metadata";
