// Groups of recipients, counted.

import type { Step } from "../../state/window";

export interface Dimensions extends Partial<Readonly<Record<Step, string>>> {
  readonly status?: string;
  readonly eventType?: string;
  readonly errorCause?: string;
  readonly sendingDomain?: string;
  readonly envelopeTo?: string;
}

/** A group; what was not asked for is not there. */
export interface Group {
  readonly count: number;
  readonly dimensions: Dimensions;
  readonly sum?: {
    readonly complaints: number;
    readonly hardBounces: number;
    readonly softBounces: number;
  };
  readonly quantiles?: Quantiles;
}

/** Milliseconds from acceptance to delivery; `null` where nothing was delivered. */
export interface Quantiles {
  readonly timeToDeliveryMsP50: number | null;
  readonly timeToDeliveryMsP95: number | null;
  readonly timeToDeliveryMsP99: number | null;
}
