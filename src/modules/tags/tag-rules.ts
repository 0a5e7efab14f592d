/** How many tags a resource may have. */
export const maximumTags = 10;
