/** Completions of command lines for shells, from what the commands say of themselves. */
import type { CommandSpec } from "../io/mod.ts";
import { actionsOf, brief, PROGRAM_NAME, type Shell, type Value, valueOf } from "./words.ts";

/** What can follow a command. */
interface Completed {
  readonly name: string;
  readonly about: string;
  readonly actions: readonly string[];
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
  const optionsOf = ({ options }: Completed): string => options.map(({ name }) => `--${name}`).join(" ");
  const values = commands.flatMap(({ name: command, options }) =>
    options.flatMap(({ name, value }) => {
      const action = value === undefined || value === "other"
        ? undefined
        : value === "file"
        ? 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$word"))'
        : value === "folder"
        ? 'compopt -o filenames; COMPREPLY=($(compgen -d -- "$word"))'
        : `COMPREPLY=($(compgen -W '${value.join(" ")}' -- "$word"))`;
      if (value === undefined) return [];
      return [`    ${command}:--${name}) ${action ?? ":"}; return ;;`];
    })
  );
  return `# bash completion for ${PROGRAM_NAME}: source it, or save it as ~/.local/share/bash-completion/completions/${PROGRAM_NAME}
_${PROGRAM_NAME}() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} command=\${COMP_WORDS[1]}
  local IFS=$'\\n'
  COMPREPLY=()
  # bash splits --name=value at the sign.
  if [[ $word == = ]]; then word=
  elif [[ $before == = && $COMP_CWORD -gt 2 ]]; then before=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  if ((COMP_CWORD == 1)); then
    IFS=' '
    COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(" ")} --help --version' -- "$word"))
    return
  fi
  case $command:$before in
${values.map((line) => line.replace("COMPREPLY=($(compgen -W", "IFS=' '; COMPREPLY=($(compgen -W")).join("\n")}
  esac
  if [[ $word == -* ]]; then
    IFS=' '
    case $command in
${
    commands.map((command) => `      ${command.name}) COMPREPLY=($(compgen -W '${optionsOf(command)}' -- "$word")) ;;`)
      .join("\n")
  }
    esac
    return
  fi
  if ((COMP_CWORD == 2)); then
    IFS=' '
    case $command in
${
    commands.filter(({ actions }) => actions.length > 0).map(({ name, actions }) =>
      `      ${name}) COMPREPLY=($(compgen -W '${actions.join(" ")}' -- "$word")) ;;`
    ).join("\n")
  }
    esac
    IFS=$'\\n'
  fi
  compopt -o filenames
  COMPREPLY+=($(compgen -f -- "$word"))
}
complete -F _${PROGRAM_NAME} ${PROGRAM_NAME}
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
  const cases = commands.map(({ name, actions, options }) => {
    const specs = options.map((option) =>
      `        '--${option.name}${option.value === undefined ? "" : "="}[${plain(option.help)}]${after(option.value)}'`
    );
    const operands = actions.length > 0
      ? [`        '1:action:(${actions.join(" ")})'`, "        '*:file:_files'"]
      : ["        '*:file:_files'"];
    return [`    ${name})`, "      _arguments \\", [...specs, ...operands].join(" \\\n"), "      ;;"].join("\n");
  });
  return `#compdef ${PROGRAM_NAME}
# zsh completion for ${PROGRAM_NAME}: save it as _${PROGRAM_NAME} in a folder of $fpath
_${PROGRAM_NAME}() {
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
if [[ $funcstack[1] == _${PROGRAM_NAME} ]]; then _${PROGRAM_NAME} "$@"; else compdef _${PROGRAM_NAME} ${PROGRAM_NAME}; fi
`;
}

function fish(commands: readonly Completed[]): string {
  const rows = commands.flatMap(({ name, about, actions, options }) => {
    const here = `complete -c ${PROGRAM_NAME} -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c ${PROGRAM_NAME} -n __fish_use_subcommand -f -a ${name} -d ${quoted(about)}`,
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
  return `# fish completion for ${PROGRAM_NAME}: save it as ~/.config/fish/completions/${PROGRAM_NAME}.fish\n${
    rows.join("\n")
  }\n`;
}
