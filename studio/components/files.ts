/** Files that come in and go out: chosen, dropped, pasted, saved. */
import { h } from "./element.ts";
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { droppedFolder } from "../models/brought_folder.ts";
import type { ModelFolder } from "../protocol.ts";

/** A button that asks for a file. */
export function FileButton({ label, accept, onFile, isDisabled = false }: {
  readonly label: string;
  readonly accept: string;
  readonly onFile: (file: File) => void;
  readonly isDisabled?: boolean;
}): VNode {
  const input = useRef<HTMLInputElement>(null);
  return h(
    "span",
    null,
    h("input", {
      ref: input,
      type: "file",
      accept,
      hidden: true,
      "aria-label": label,
      onChange: (event) => {
        const file = event.currentTarget.files?.[0];
        // Cleared, so that the same file can be chosen again.
        event.currentTarget.value = "";
        if (file) onFile(file);
      },
    }),
    h("button", { type: "button", disabled: isDisabled, onClick: () => input.current?.click() }, label),
  );
}

/**
 * Takes files that are dropped on the page or pasted into it, and folders that are dropped.
 * @param onDragging told whether files are held over the page
 * @param onFailure told why a folder cannot be looked at
 * @returns what ends it
 */
export function takeFiles(
  onFile: (brought: File | ModelFolder) => void,
  onDragging: (isDragging: boolean) => void,
  onFailure: (error: unknown) => void,
): () => void {
  const over = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    onDragging(true);
  };
  const leave = (event: DragEvent): void => {
    // Behind the border of the page there is nothing that it is left for.
    if (event.relatedTarget === null) onDragging(false);
  };
  const take = (event: Event, data: DataTransfer | null): void => {
    const folder = data && droppedFolder(data);
    const file = data?.files[0];
    if (folder || file) event.preventDefault();
    if (folder) void folder.then(onFile, onFailure);
    else if (file) onFile(file);
  };
  const drop = (event: DragEvent): void => {
    onDragging(false);
    take(event, event.dataTransfer);
  };
  const paste = (event: ClipboardEvent): void => take(event, event.clipboardData);
  const end = new AbortController();
  const { signal } = end;
  addEventListener("dragover", over, { signal });
  addEventListener("dragleave", leave, { signal });
  addEventListener("drop", drop, { signal });
  addEventListener("paste", paste, { signal });
  return () => end.abort();
}

/** Saves bytes as a file, as the browser saves files. */
export function saveFile(name: string, bytes: Uint8Array<ArrayBuffer>, type: string): void {
  const address = URL.createObjectURL(new Blob([bytes], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The browser reads the address behind the click.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
