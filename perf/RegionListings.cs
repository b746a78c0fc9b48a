using System.Globalization;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Perf;

/// <summary>Writes down the machine code of every region that is compiled: what <c>--trace asm</c> is to a whole Guest.</summary>
internal sealed class RegionListings(string path) : ICompileObserver, IDisposable
{
    private readonly StreamWriter _file = new(path);
    private readonly GuestDisassembly _guest = new(static _ => "");

    public EngineProbes Probes => new() { Compiler = this };

    /// <inheritdoc/>
    public bool WantsIl(RegionPlan plan) => true;

    /// <inheritdoc/>
    public void Compiled(CompiledRegion region, IlRecorder? il)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        text.WriteLine($"region {_guest.Place(region.Plan.Blocks[0].Eip)}: {region.Plan.Blocks.Count} blocks, {region.Plan.Blocks.Sum(static b => b.Count)} instructions");
        IlListing.Write(text, region, il!, _guest);
        if (MachineCode.IsSupported)
        {
            MachineCodeListing.Write(text, region, MachineCode.Find(region.EntryPoint), IlListing.Methods(il!));
        }

        // One engine's compiler thread may still be at it when the next one begins.
        lock (_file)
        {
            _file.Write(text.GetStringBuilder());
        }
    }

    public void Dispose()
    {
        lock (_file)
        {
            _file.Dispose();
        }
    }
}
