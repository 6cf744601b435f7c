import { Injectable } from '@nestjs/common';

import type { OriginReplicas } from '#lib/swarm';

import type { LivingReplica } from '../replicas/membership.js';
import { ReplicaBoard } from '../replicas/replica-board.js';

/** The replicas that seed, as the board knows them: a new list only when it is another one. */
@Injectable()
export class LivingSeeders implements OriginReplicas {
  #board: readonly LivingReplica[] = [];
  #alive: readonly string[] = [];

  constructor(private readonly board: ReplicaBoard) {}

  get self(): string {
    return this.board.self;
  }

  alive(): readonly string[] {
    const board = this.board.alive();
    if (board === this.#board) return this.#alive;
    this.#board = board;
    const alive = board.filter(({ roles }) => roles.includes('seed')).map(({ replica }) => replica);
    const isSame =
      alive.length === this.#alive.length && alive.every((id) => this.#alive.includes(id));
    if (!isSame) this.#alive = alive;
    return this.#alive;
  }
}
