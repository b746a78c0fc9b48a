using System.CommandLine;
using System.CommandLine.Parsing;
using Lguest.Jit.Switcher.Deterministic;

namespace Lguest.Jit.Launcher.CommandLine;

/// <summary>Guest time that is counted, not measured.</summary>
internal sealed class DeterministicArguments : IOptionGroup
{
    private readonly Option<bool> _deterministic = new("--deterministic")
    {
        Description = "Guest time is instructions: two runs are alike to the last bit. Prints a hash at the end; does not read stdin.",
        Arity = ArgumentArity.Zero,
    };

    private readonly Option<uint?> _rate = new("--rate")
    {
        Description = "In deterministic time: instructions a second, 1MHz to 4GHz. [default: 1000MHz]",
        HelpName = "MHz",
        CustomParser = ParseRate,
    };

    private readonly Option<ulong?> _seed = new("--seed")
    {
        Description = "In deterministic time: what the Guest's source of random numbers begins with.",
        HelpName = "n",
        CustomParser = ParseSeed,
    };

    private readonly Option<string?> _input = new("--input")
    {
        Description = "In deterministic time: console input, lines of count<TAB>bytes with C's escapes.",
        HelpName = "file",
    };

    private readonly Option<string?> _record = new("--record")
    {
        Description = "In deterministic time: write checkpoints for compare --against.",
        HelpName = "file",
    };

    private readonly Option<long?> _every = new("--every")
    {
        Description = "Instructions from one checkpoint to the next. [default: 100000]",
        HelpName = "n",
        CustomParser = ParseEvery,
    };

    /// <inheritdoc/>
    public IReadOnlyList<Option> Options => [_deterministic, _rate, _seed, _input, _record, _every];

    /// <inheritdoc/>
    public IReadOnlyList<Option> Compared => [_rate, _seed, _input, _every];

    /// <inheritdoc/>
    public LaunchOptions Collect(ParseResult parsed, LaunchOptions options) => options with
    {
        Deterministic = parsed.GetValue(_deterministic),
        Khz = parsed.GetValue(_rate) ?? options.Khz,
        Seed = parsed.GetValue(_seed) ?? options.Seed,
        Input = parsed.GetValue(_input),
        Record = parsed.GetValue(_record),
        Every = parsed.GetValue(_every) ?? options.Every,
    };

    /// <summary>Distance of the checkpoints, of which compare wants to know whether it was given.</summary>
    public Option<long?> Every => _every;

    /// <inheritdoc/>
    /// <remarks>Options that mean nothing in Host time should not pretend to.</remarks>
    public void Validate(CommandResult result)
    {
        foreach (Option option in new Option[] { _rate, _seed, _input, _record })
        {
            if (!result.GetValue(_deterministic) && result.GetResult(option) is not null)
            {
                result.AddError($"{option.Name} needs --deterministic");
            }
        }

        if (result.GetValue(_record) is null && result.GetResult(_every) is not null)
        {
            result.AddError("--every needs --record");
        }
    }

    private static uint? ParseRate(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!Quantity.TryParseFrequency(text, out uint khz) || khz is < DeterministicClock.MinimumKhz or > DeterministicClock.MaximumKhz)
        {
            result.AddError($"--rate {text}: not a frequency from 1MHz to 4GHz");
        }

        return khz;
    }

    private static ulong? ParseSeed(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!ulong.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out ulong seed))
        {
            result.AddError($"--seed {text}: not a number from 0 up");
        }

        return seed;
    }

    private static long? ParseEvery(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        if (!long.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out long count) || count < 1)
        {
            result.AddError($"--every {text}: not a number of instructions");
        }

        return count;
    }
}
