/** Elements of the page, typed by their tags. */
import { type ComponentChildren, createElement, type JSX, type VNode } from "preact";

/**
 * An element, with the properties of its tag.
 * @param tag such as `button`
 * @param properties by their names; null for none
 */
export function h<Tag extends keyof JSX.IntrinsicElements>(
  tag: Tag,
  properties: JSX.IntrinsicElements[Tag] | null,
  ...children: readonly ComponentChildren[]
): VNode;
/**
 * A component with its properties.
 * @param component what renders them
 * @param properties of the component; `key` tells it from those beside it
 */
export function h<Properties extends object>(
  component: (properties: Properties) => ComponentChildren,
  properties: Properties & { readonly key?: string },
): VNode;
export function h(type: unknown, properties: object | null, ...children: readonly ComponentChildren[]): VNode {
  return createElement(type as string, properties, ...children) as VNode;
}
