using System.Diagnostics;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Emit;

namespace Lguest.Jit.Translator.Trace;

/// <summary>What compiling costs. Written by the one thread that compiles; any other may read.</summary>
internal sealed class CompileCounters
{
    private long _regions;
    private long _blocks;
    private long _instructions;
    private long _ilBytes;
    private long _ticks;

    /// <summary>Sees what is compiled.</summary>
    public ICompileObserver? Observer { get; init; }

    /// <summary>What compiles in the place of <see cref="RegionCompiler"/>: tests put a broken one here, before the first run.</summary>
    public CompileRegion? Compiler { get; set; }

    public long Regions => Volatile.Read(ref _regions);

    public long Blocks => Volatile.Read(ref _blocks);

    public long Instructions => Volatile.Read(ref _instructions);

    public long IlBytes => Volatile.Read(ref _ilBytes);

    public TimeSpan Time => Stopwatch.GetElapsedTime(0, Volatile.Read(ref _ticks));

    /// <summary>Compiles a region, and notes what it took; time is noted too where it fails.</summary>
    public CompiledRegion Compile(RegionPlan plan, Optimisations optimisations)
    {
        long start = Stopwatch.GetTimestamp();
        CompiledRegion region;
        IlRecorder? recorder = null;
        try
        {
            bool record = Observer?.WantsIl(plan) == true;
            region = (Compiler ?? RegionCompiler.Compile)(plan, optimisations, record ? il => recorder = new IlRecorder(il) : null);
        }
        finally
        {
            Volatile.Write(ref _ticks, _ticks + Stopwatch.GetTimestamp() - start);
        }

        Volatile.Write(ref _regions, _regions + 1);
        Volatile.Write(ref _blocks, _blocks + plan.Blocks.Count);
        Volatile.Write(ref _instructions, _instructions + plan.Blocks.Sum(static b => b.Count));
        Volatile.Write(ref _ilBytes, _ilBytes + region.IlBytes);
        Observer?.Compiled(region, recorder);
        return region;
    }
}
