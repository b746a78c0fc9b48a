using System.CommandLine;
using System.CommandLine.Parsing;
using Lguest.Jit.Launcher.Storage;

namespace Lguest.Jit.Launcher.CommandLine;

/// <summary>The Guest's disks.</summary>
internal sealed class DiskArguments : IOptionGroup
{
    /// <summary>As many as have a letter, and leave slots for other devices.</summary>
    private const int MostDisks = 24;

    private readonly Option<string[]> _disk = new("--disk")
    {
        Description = "A disk, /dev/vda and on: a raw image, a block device, or nbd://host:port/name, nbd+unix:///socket. "
            + "ro: the Guest may not write; snapshot: what it writes is gone at the end.",
        HelpName = "file[,ro|,snapshot]",
    };

    /// <inheritdoc/>
    public IReadOnlyList<Option> Options => [_disk];

    /// <inheritdoc/>
    public IReadOnlyList<Option> Compared => [_disk];

    /// <inheritdoc/>
    public void Validate(CommandResult result)
    {
        string[] disks = result.GetValue(_disk) ?? [];
        foreach (string text in disks)
        {
            if (DiskSpec.TryParse(text, out _) is { } complaint)
            {
                result.AddError($"--disk {text}: {complaint}");
            }
        }

        if (disks.Length > MostDisks)
        {
            result.AddError($"--disk: at most {MostDisks} of them");
        }
    }

    /// <inheritdoc/>
    public LaunchOptions Collect(ParseResult parsed, LaunchOptions options)
    {
        string[] disks = parsed.GetValue(_disk) ?? [];
        return disks.Length == 0 ? options : options with { Disks = [.. disks.Select(Parse)] };
    }

    private static DiskSpec Parse(string text)
    {
        _ = DiskSpec.TryParse(text, out DiskSpec spec);
        return spec;
    }
}
