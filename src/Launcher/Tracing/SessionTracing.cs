using System.Text;
using Lguest.Jit.Launcher.CommandLine;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Trace;

namespace Lguest.Jit.Launcher.Tracing;

/// <summary>What a session was asked to show of its Guests, all lives of them: a trace, a perf map, tier statistics.</summary>
internal sealed class SessionTracing : IDisposable
{
    private readonly TraceFile? _file;
    private readonly PerfMap? _perfMap;
    private readonly bool _measure;
    private readonly TextWriter _error;

    /// <param name="options">A valid command line.</param>
    /// <param name="symbols">Called where there is something to name.</param>
    /// <param name="error">Hears of a trace that has come to an early end.</param>
    /// <exception cref="LoadException">One line: a file that cannot be written, a filter that makes no sense.</exception>
    public SessionTracing(LaunchOptions options, Func<SymbolTable> symbols, TextWriter error)
    {
        _error = error;
        _measure = options.Stats;
        if (options.Trace != TraceKinds.None)
        {
            SymbolTable table = symbols();
            AddressFilter filter = options.TraceFilter is { } text ? AddressFilter.Parse(text, table) : AddressFilter.Everything;
            _file = new TraceFile(Open(options.TraceFile, FileMode.Create), options.TraceLimit);
            _file.Write(new StringBuilder().AppendLine($"# lguest-jit trace of {options.Trace}, .NET {Environment.Version}, {table.Count} symbols"));
            Trace = new GuestTrace(options.Trace, _file, filter, table);
        }

        if (options.PerfMap)
        {
            _perfMap = new PerfMap(Open(PerfMap.DefaultPath, FileMode.Append), options.TraceLimit, symbols());
        }
    }

    /// <summary>Null: nobody wants one.</summary>
    public GuestTrace? Trace { get; }

    /// <summary>For the engine of one life.</summary>
    public EngineProbes? CreateProbes()
    {
        bool exits = Wants(TraceKinds.Exits);
        bool compiler = Wants(TraceKinds.Il | TraceKinds.Asm);
        if (!_measure && Trace is null && _perfMap is null)
        {
            return null;
        }

        return new EngineProbes
        {
            Watch = _measure || exits ? new RegionWatch(exits ? Trace!.Left : null) : null,
            Blocks = Wants(TraceKinds.Blocks) ? Trace : null,
            Compiler = compiler && _perfMap is not null ? new Both(Trace!, _perfMap) : compiler ? Trace : _perfMap,
        };
    }

    public void Dispose()
    {
        _file?.Dispose();
        _perfMap?.Dispose();
        if (_file?.Ended is { } why)
        {
            _error.WriteLine($"lguest-jit: the trace is not complete: {LaunchCommand.OneLine(why)}");
        }
    }

    private bool Wants(TraceKinds kinds) => Trace?.Has(kinds) == true;

    private static FileStream Open(string path, FileMode mode)
    {
        try
        {
            return new FileStream(path, mode, FileAccess.Write, FileShare.ReadWrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new LoadException($"cannot write {path}: {e.Message}");
        }
    }

    /// <summary>The trace and the map.</summary>
    private sealed class Both(ICompileObserver first, ICompileObserver second) : ICompileObserver
    {
        public bool WantsIl(RegionPlan plan) => first.WantsIl(plan);

        public void Compiled(CompiledRegion region, IlRecorder? il)
        {
            first.Compiled(region, il);
            second.Compiled(region, il);
        }
    }
}
