import { commandOf } from './command.ts'
import type { Conversation } from './conversation.ts'
import type { Packet } from './packet.ts'

/** Whether the packet is a command that was sent before the one ahead of it was answered. */
export function isPipelined(packet: Packet, { packets }: Conversation): boolean {
  const before = packets[packets.lastIndexOf(packet) - 1]
  return commandOf(packet) !== undefined && before !== undefined && commandOf(before) !== undefined
}
