/** A call of a tool as MCP sends it over streamable HTTP: one message, and both media types accepted. */
export function toolCall(name: string, args: Readonly<Record<string, unknown>>) {
  return {
    body: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } },
    headers: { accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-11-25' },
  };
}
