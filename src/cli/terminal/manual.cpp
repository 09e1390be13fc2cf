#include "manual.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace fieldfold::cli {
namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) { return app.get_subcommands({}); }

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// The names of an option with their dashes.
std::vector<std::string> names_of(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

bool is_flag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }

std::string bash_completion(const CLI::App& app) {
  std::string commands;
  std::string cases;
  for (const CLI::App* command : commands_of(app)) {
    commands += (commands.empty() ? "" : " ") + command->get_name();
    std::string options;
    for (const CLI::Option* option : command->get_options())
      for (const std::string& name : names_of(*option)) options += (options.empty() ? "" : " ") + name;
    cases += "        " + command->get_name() + ") options=\"" + options + "\" ;;\n";
  }
  return "# bash completion for fieldfold\n"
         "_fieldfold() {\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} options=\n"
         "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
         "        COMPREPLY=($(compgen -W \"" +
         commands +
         " --help --version\" -- \"$word\"))\n"
         "        return\n"
         "    fi\n"
         "    case ${COMP_WORDS[1]} in\n" +
         cases +
         "    esac\n"
         "    case $word in\n"
         "        -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
         "        *) compopt -o filenames; COMPREPLY=($(compgen -f -- \"${word##*[=:]}\")) ;;\n"
         "    esac\n"
         "}\n"
         "complete -F _fieldfold fieldfold\n";
}

/// A description in single quotes for zsh, where brackets and colons have a meaning.
std::string for_zsh(std::string text) {
  for (const char* special : {"\\", "[", "]", ":"}) text = replaced(text, special, std::string("\\") + special);
  return replaced(text, "'", "'\\''");
}

std::string zsh_completion(const CLI::App& app) {
  std::string commands;
  std::string cases;
  for (const CLI::App* command : commands_of(app)) {
    commands += "        '" + command->get_name() + ":" + for_zsh(command->get_description()) + "'\n";
    cases += "        " + command->get_name() + ") _arguments";
    for (const CLI::Option* option : command->get_options())
      for (const std::string& name : names_of(*option))
        cases += " \\\n            '*" + name + "[" + for_zsh(option->get_description()) + "]" +
                 (is_flag(*option) ? "" : ":value:_files") + "'";
    cases += " \\\n            '*:file:_files' ;;\n";
  }
  return "#compdef fieldfold\n"
         "_fieldfold() {\n"
         "    local -a commands=(\n" +
         commands +
         "    )\n"
         "    if (( CURRENT == 2 )); then\n"
         "        _describe command commands\n"
         "        return\n"
         "    fi\n"
         "    local command=$words[2]\n"
         "    shift words\n"
         "    (( CURRENT-- ))\n"
         "    case $command in\n" +
         cases +
         "    esac\n"
         "}\n"
         "_fieldfold \"$@\"\n";
}

/// Text in the language of man, where backslashes, dashes and dots at the start of a line have a meaning.
std::string for_man(std::string text) {
  text = replaced(replaced(text, "\\", "\\e"), "-", "\\-");
  if (text.starts_with('.') || text.starts_with('\'')) text.insert(0, "\\&");
  return text;
}

std::string heading(const std::string& title, const std::string& name, const std::string& description) {
  return ".TH " + title + " 1 \"\" \"fieldfold " FIELDFOLD_VERSION "\" \"fieldfold\"\n.SH NAME\n" + for_man(name) +
         " \\- " + for_man(description) + "\n";
}

std::string exit_status() {
  return ".SH EXIT STATUS\n.TP\n0\nSuccess.\n.TP\n1\nInvalid data: one line on standard error, and no output "
         "file.\n.TP\n2\n"
         "Wrong usage.\n";
}

std::string options_of(const CLI::App& command) {
  std::vector<std::string> groups;
  for (const CLI::Option* option : command.get_options())
    if (!option->get_positional() && std::ranges::find(groups, option->get_group()) == groups.end())
      groups.push_back(option->get_group());
  std::string text;
  for (const std::string& group : groups) {
    text += ".SH " + (group == "Options" ? std::string("OPTIONS") : "OPTIONS: " + group) + "\n";
    for (const CLI::Option* option : command.get_options()) {
      if (option->get_group() != group || option->get_positional()) continue;
      text += ".TP\n.B ";
      const auto names = names_of(*option);
      for (std::size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : ", ") + for_man(names[i]);
      if (!is_flag(*option)) text += " \\fI" + for_man(option->get_type_name()) + "\\fR";
      text += "\n" + for_man(option->get_description()) + ".\n";
    }
  }
  return text;
}

std::string page_of(const CLI::App& command) {
  const std::string name = command.get_name();
  std::string text =
      heading("FIELDFOLD\\-" + replaced(name, "-", "\\-"), "fieldfold-" + name, command.get_description());
  text += ".SH SYNOPSIS\n.B fieldfold " + for_man(name) + "\n";
  std::string arguments;
  for (const CLI::Option* option : command.get_options()) {
    if (!option->get_positional()) continue;
    const std::string argument = for_man(option->get_single_name());
    text += option->get_required() ? ".I " + argument + "\n" : "[\\fI" + argument + "\\fR]\n";
    arguments += ".TP\n.I " + argument + "\n" + for_man(option->get_description()) + ".\n";
  }
  text += "[\\fIoptions\\fR]\n";
  if (!arguments.empty()) text += ".SH ARGUMENTS\n" + arguments;
  text += options_of(command) + exit_status();
  const std::string footer = command.get_footer();
  text += ".SH EXAMPLES\n.nf\n" + for_man(footer.substr(footer.find("  fieldfold") + 2)) + "\n.fi\n";
  return text + ".SH SEE ALSO\n.BR fieldfold (1)\n";
}

std::string page_of_program(const CLI::App& app) {
  std::string text = heading("FIELDFOLD", "fieldfold", "compression of fields to a few latent coefficients");
  text += ".SH SYNOPSIS\n.B fieldfold\n.I command\n[\\fIoptions\\fR]\n.SH DESCRIPTION\n" +
          for_man(app.get_description()) + "\n";
  text += ".SH COMMANDS\n";
  std::string examples;
  std::string others;
  for (const CLI::App* command : commands_of(app)) {
    text += ".TP\n.B " + for_man(command->get_name()) + "\n" + for_man(command->get_description()) + ".\n";
    const std::string footer = command->get_footer();
    examples += for_man(footer.substr(footer.find("  fieldfold") + 2)) + "\n";
    others += std::string(others.empty() ? ".BR " : ",\n.BR ") + "fieldfold\\-" + for_man(command->get_name()) + " (1)";
  }
  return text + exit_status() + ".SH EXAMPLES\n.nf\n" + examples + ".fi\n.SH SEE ALSO\n" + others + "\n";
}

}  // namespace

std::string completion(const CLI::App& app, const std::string& shell) {
  return shell == "zsh" ? zsh_completion(app) : bash_completion(app);
}

std::string manual_page(const CLI::App& app, const std::string& command) {
  if (command.empty()) return page_of_program(app);
  for (const CLI::App* own : commands_of(app))
    if (own->get_name() == command) return page_of(*own);
  throw CLI::ValidationError("command", "expected a command of fieldfold, got " + command);
}

}  // namespace fieldfold::cli
