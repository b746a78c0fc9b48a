using System.Globalization;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Launcher.Compare;

/// <summary>A block as it was translated: the region that it is part of.</summary>
/// <param name="Eip">Where the region begins.</param>
/// <param name="Blocks">Blocks of the region.</param>
/// <param name="Il">IL under the Guest's instructions; empty if it was not taken down.</param>
/// <param name="MachineCode">Host code; empty where it cannot be read.</param>
internal sealed record Translation(uint Eip, int Blocks, IReadOnlyList<string> Il, IReadOnlyList<string> MachineCode);

/// <summary>
/// Stands beside the compiler and takes down what is made of one block, once it is known which: the last few regions that hold it. Costs
/// nothing before that.
/// </summary>
internal sealed class TranslationCapture : ICompileObserver
{
    /// <summary>A block may be part of several regions, of which the newest is the one that counts; but an older one may still be entered.</summary>
    private const int Most = 3;

    private readonly GuestDisassembly _guest = new(static _ => "");
    private readonly List<Translation> _taken = [];
    private uint? _eip;

    /// <summary>What was taken down, newest first.</summary>
    public IReadOnlyList<Translation> Taken => [.. _taken.AsEnumerable().Reverse()];

    /// <summary>From now on; what was taken down for another block is forgotten.</summary>
    public void Watch(uint eip)
    {
        _taken.Clear();
        _eip = eip;
    }

    /// <inheritdoc/>
    public bool WantsIl(RegionPlan plan) => _eip is { } eip && plan.Blocks.Any(block => block.Eip == eip);

    /// <inheritdoc/>
    public void Compiled(CompiledRegion region, IlRecorder? il)
    {
        if (!WantsIl(region.Plan))
        {
            return;
        }

        string[] listing = il == null ? [] : Lines(text => IlListing.Write(text, region, il, _guest));
        string[] code = !MachineCode.IsSupported ? [] : Lines(text => MachineCodeListing.Write(
            text, region, MachineCode.Find(region.EntryPoint), il == null ? [] : IlListing.Methods(il)));
        _taken.Add(new Translation(region.Plan.Blocks[0].Eip, region.Plan.Blocks.Count, listing, code));
        if (_taken.Count > Most)
        {
            _taken.RemoveAt(0);
        }
    }

    private static string[] Lines(Action<TextWriter> write)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        write(text);
        return text.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
    }
}
