/** Ids in addresses. Any other word would be asked for as one, and answered by whatever the API has of that name. */
const ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

export const ids = { is: (text: string): boolean => ID.test(text) };
