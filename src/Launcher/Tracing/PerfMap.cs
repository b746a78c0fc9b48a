using System.Globalization;
using System.Text;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Launcher.Tracing;

/// <summary>
/// <c>--perf-map</c>: the file in which <c>perf</c> looks for the names of code that was made at run time. Each region is in it under
/// the Guest's own name for the place where it begins, "[guest] do_page_fault+0x12".
/// </summary>
/// <remarks>
/// Lines of "address size name", all in hexadecimal but the name (tools/perf/Documentation/jit-interface.txt). Appended to, so that
/// a runtime that writes its own methods there (DOTNET_PerfMapEnabled) and we do not disturb each other.
/// </remarks>
internal sealed class PerfMap : ICompileObserver, IDisposable
{
    /// <summary>Where the length of the Host code cannot be found out: about three times its IL.</summary>
    private const int HostBytesPerIlByte = 3;

    private readonly TraceFile _file;
    private readonly SymbolTable _symbols;

    /// <param name="stream">Gets the lines; owned.</param>
    /// <param name="limit">Bytes at most.</param>
    /// <param name="symbols">Names; may be empty.</param>
    public PerfMap(Stream stream, long limit, SymbolTable symbols)
    {
        _file = new TraceFile(stream, limit);
        _symbols = symbols;
    }

    /// <summary>Where <c>perf</c> looks for the map of this process.</summary>
    public static string DefaultPath => string.Create(CultureInfo.InvariantCulture, $"/tmp/perf-{Environment.ProcessId}.map");

    /// <inheritdoc/>
    public bool WantsIl(RegionPlan plan) => false;

    /// <inheritdoc/>
    public void Compiled(CompiledRegion region, IlRecorder? il)
    {
        nint start = region.EntryPoint;
        int length = HostBytesPerIlByte * region.IlBytes;
        if (MachineCode.IsSupported)
        {
            MachineCode code = MachineCode.Find(region.EntryPoint);
            (start, length) = (code.Start, code.Length);
        }

        uint eip = region.Plan.Blocks[0].Eip;
        string symbol = _symbols.Describe(eip);
        bool user = (region.Plan.Mode & CpuMode.User) != 0;
        _file.Write(new StringBuilder().AppendLine(
            CultureInfo.InvariantCulture, $"{start:x} {length:x} [guest{(user ? " user" : "")}] {(symbol.Length == 0 ? GuestDisassembly.Hex(eip) : symbol)}"));
    }

    public void Dispose() => _file.Dispose();
}
