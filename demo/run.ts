export const runDemo = (_: object): Promise<number> => Promise.resolve(1);
