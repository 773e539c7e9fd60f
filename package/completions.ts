/** Completions of command lines for shells, from what the commands say of themselves. */
import type { CommandSpec } from "../io/mod.ts";
import { actionsOf, brief, type Shell, takesFiles, type Value, valueOf } from "./words.ts";

/** What can follow a command. */
interface Completed {
  readonly name: string;
  readonly about: string;
  readonly actions: readonly string[];
  /** Whether files may follow it. */
  readonly hasFiles: boolean;
  readonly options: readonly { readonly name: string; readonly help: string; readonly value: Value | undefined }[];
}

/**
 * The script that makes a shell complete the command lines of this program.
 * @param commands what it has
 */
export function completions(shell: Shell, commands: readonly CommandSpec[]): string {
  const completed = commands.map((spec): Completed => ({
    name: spec.name,
    about: brief(spec),
    actions: spec.name === "help" ? commands.map(({ name }) => name) : actionsOf(spec),
    hasFiles: takesFiles(spec),
    options: [
      ...Object.entries(spec.options).map(([name, option]) => ({
        name,
        help: option.help,
        value: valueOf(name, option, spec),
      })),
      { name: "help", help: "Explain the command", value: undefined },
    ],
  }));
  return { bash, zsh, fish }[shell](completed);
}

/** A text between single quotes, as all three shells read it; a line of at most 70 letters. */
function quoted(text: string): string {
  const line = text.replace(/\s+/g, " ").replace(/'/g, "’");
  return `'${line.length <= 70 ? line : `${line.slice(0, 69)}…`}'`;
}

function bash(commands: readonly Completed[]): string {
  const call = (value: Value): string => {
    if (value === "file") return "_shortcut_paths -f";
    if (value === "folder") return "_shortcut_paths -d";
    return value === "other" ? ":" : `_shortcut_words '${value.join(" ")}'`;
  };
  const values = commands.flatMap(({ name: command, options }) =>
    options.flatMap(({ name, value }) => value === undefined ? [] : [`${command}:--${name}) ${call(value)}; return ;;`])
  );
  const options = commands.map(({ name, options }) =>
    `${name}) _shortcut_words '${options.map((option) => `--${option.name}`).join(" ")}' ;;`
  );
  const actions = commands.filter(({ actions }) => actions.length > 0).map(({ name, actions }) =>
    `${name}) _shortcut_words '${actions.join(" ")}' ;;`
  );
  const indented = (lines: readonly string[], by: number): string =>
    lines.map((line) => " ".repeat(by) + line).join("\n");
  return `# bash completion for shortcut: source it, or save it as ~/.local/share/bash-completion/completions/shortcut
_shortcut_words() {
  local IFS=$' \\n'
  COMPREPLY+=($(compgen -W "$1" -- "$word"))
}
_shortcut_paths() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY+=($(compgen "$1" -- "$word"))
}
_shortcut() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    _shortcut_words '${commands.map(({ name }) => name).join(" ")} --help --version'
    return
  fi
  # bash splits --name=value at the sign.
  if [[ $word == = ]]; then word=
  elif [[ $before == = ]]; then before=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  case $command:$before in
${indented(values, 4)}
  esac
  if [[ $word == -* ]]; then
    case $command in
${indented(options, 6)}
    esac
    return
  fi
  if ((COMP_CWORD == 2)); then
    case $command in
${indented(actions, 6)}
    esac
  fi
  case $command in
    ${commands.filter(({ hasFiles }) => hasFiles).map(({ name }) => name).join(" | ")}) _shortcut_paths -f ;;
  esac
}
complete -F _shortcut shortcut
`;
}

function zsh(commands: readonly Completed[]): string {
  // In a specification of _arguments a colon, a bracket and a backslash would end a part.
  const plain = (text: string): string => quoted(text).slice(1, -1).replace(/[\\[\]:]/g, "\\$&");
  const after = (value: Value | undefined): string => {
    if (value === undefined) return "";
    if (value === "file") return ":file:_files";
    if (value === "folder") return ":folder:_files -/";
    return value === "other" ? ":value: " : `:value:(${value.join(" ")})`;
  };
  const cases = commands.map(({ name, actions, hasFiles, options }) => {
    const specs = options.map((option) =>
      `        '--${option.name}${option.value === undefined ? "" : "="}[${plain(option.help)}]${after(option.value)}'`
    );
    const operands = [
      ...(actions.length > 0 ? [`        '1:action:(${actions.join(" ")})'`] : []),
      ...(hasFiles ? ["        '*:file:_files'"] : []),
    ];
    return [`    ${name})`, "      _arguments \\", [...specs, ...operands].join(" \\\n"), "      ;;"].join("\n");
  });
  return `#compdef shortcut
# zsh completion for shortcut: save it as _shortcut in a folder of $fpath
_shortcut() {
  if ((CURRENT == 2)); then
    local -a commands=(
${commands.map(({ name, about }) => `      '${name}:${plain(about)}'`).join("\n")}
    )
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${cases.join("\n")}
  esac
}
if [[ $funcstack[1] == _shortcut ]]; then _shortcut "$@"; else compdef _shortcut shortcut; fi
`;
}

function fish(commands: readonly Completed[]): string {
  const rows = commands.flatMap(({ name, about, actions, hasFiles, options }) => {
    const here = `complete -c shortcut -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c shortcut -n __fish_use_subcommand -f -a ${name} -d ${quoted(about)}`,
      ...(hasFiles ? [] : [`${here} -f`]),
      ...(actions.length > 0 ? [`${here} -a '${actions.join(" ")}'`] : []),
      ...options.map(({ name: option, help, value }) => {
        const after = value === undefined
          ? ""
          : value === "file"
          ? " -r -F"
          : value === "folder"
          ? " -x -a '(__fish_complete_directories)'"
          : value === "other"
          ? " -x"
          : ` -x -a '${value.join(" ")}'`;
        return `${here} -l ${option}${after} -d ${quoted(help)}`;
      }),
    ];
  });
  return `# fish completion for shortcut: save it as ~/.config/fish/completions/shortcut.fish\n${rows.join("\n")}\n`;
}
