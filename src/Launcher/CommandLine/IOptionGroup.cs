using System.CommandLine;
using System.CommandLine.Parsing;

namespace Lguest.Jit.Launcher.CommandLine;

/// <summary>Options that belong together: what they are called, what is wrong with them, and what they come to.</summary>
internal interface IOptionGroup
{
    /// <summary>What <c>run</c> takes.</summary>
    IReadOnlyList<Option> Options { get; }

    /// <summary>Those that <c>compare</c> takes too.</summary>
    IReadOnlyList<Option> Compared { get; }

    /// <summary>Adds an error for whatever does not go together; each option by itself has been checked when it was parsed.</summary>
    void Validate(CommandResult result);

    /// <summary>A valid command line's options, written into <paramref name="options"/>. One that was not given, or that the command does not have, is left as it is.</summary>
    LaunchOptions Collect(ParseResult parsed, LaunchOptions options);
}
