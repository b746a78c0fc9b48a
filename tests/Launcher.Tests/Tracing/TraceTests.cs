using System.Text.RegularExpressions;
using Iced.Intel;
using Lguest.Jit.Launcher.Tests.Support;
using Lguest.Jit.Translator.Trace;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Launcher.Tests.Tracing;

/// <summary>Whole runs that are written down.</summary>
public sealed class TraceTests : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"trace-{Guid.NewGuid():N}");

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void Blocks_come_with_the_Guests_instructions()
    {
        string trace = Trace("blocks");
        Assert.Matches(@"(?m)^block 00100000: physical 00100000, \d+ instructions, \d+ bytes\r?$", trace);
        Assert.Matches(@"(?m)^  00100000  mov eax, 1\r?$", trace);
        Assert.Matches(@"(?m)^  001[0-9a-f]{5}  loop 0x1[0-9a-f]{5}\r?$", trace);
        Assert.DoesNotContain("asm ", trace, StringComparison.Ordinal);
    }

    [Fact]
    public void Blocks_are_the_interpreters_too() =>
        Assert.Matches(@"(?m)^block 00100000: ", Trace("blocks", "--engine", "interpreter"));

    [Fact]
    public void Il_stands_below_the_Guest_instruction_that_it_is_for()
    {
        string trace = Trace("il");
        Assert.Matches(@"(?m)^il 001[0-9a-f]{5}: \d+ blocks, \d+ instructions, \d+ bytes of IL\r?$", trace);
        Match add = Regex.Match(trace, @"(?m)^  001[0-9a-f]{5}  add ebx, 0x1234567\r?\n((?:    .*\n)+)");
        Assert.True(add.Success, trace);
        Assert.Contains("ldc.i4 0x1234567", add.Groups[1].Value, StringComparison.Ordinal);
        Assert.Contains("stloc ebx", add.Groups[1].Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Asm_is_the_machine_code_of_the_region()
    {
        if (!MachineCode.IsSupported)
        {
            return;
        }

        string trace = Trace("asm");
        Assert.Matches(@"(?m)^asm 001[0-9a-f]{5}: \d+ bytes at 0x[0-9a-f]+\r?$", trace);
        Assert.Matches(@"(?m)^      (add|lea) .*0x1234567\]?\r?$", trace);
        Assert.Matches(@"(?m)^      ret\r?$", trace);
        Assert.DoesNotContain("ldloc", trace, StringComparison.Ordinal);
    }

    [Fact]
    public void Exits_say_from_where_to_where_and_why()
    {
        string trace = Trace("exits");
        Assert.Matches(@"(?m)^exit 001[0-9a-f]{5} -> 001[0-9a-f]{5}: miss\r?$", trace);
    }

    [Fact]
    public void Traps_say_what_was_delivered_and_where()
    {
        string trace = Trace("traps");
        Assert.Matches(@"(?m)^trap 3 breakpoint: 001[0-9a-f]{5} ring 1 -> 001[0-9a-f]{5}\r?$", trace);
    }

    [Fact]
    public void A_filter_keeps_everything_else_out()
    {
        Assert.DoesNotMatch("(?m)^(block|il|asm|exit|trap)", Trace("blocks,il,asm,exits,traps", "--trace-filter", "0x200000-0x300000"));
        Assert.Matches("(?m)^block 00100000", Trace("blocks", "--trace-filter", "0x100000-0x100001"));
    }

    [Fact]
    public void A_trace_that_reached_its_limit_says_so_at_the_end()
    {
        Launch run = Run("--trace", "il", "--trace-file", _file, "--trace-limit", "150B");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains(run.ErrorLines, static l => l.StartsWith("lguest-jit: the trace is not complete", StringComparison.Ordinal));
        Assert.InRange(new FileInfo(_file).Length, 1, 200);
    }

    [Fact]
    public void Tracing_changes_nothing_for_the_Guest()
    {
        Launch plain = Run("--stats");
        Launch traced = Run("--stats", "--trace", "blocks,il,asm,exits,traps", "--trace-file", _file);
        Assert.Equal((plain.ExitCode, plain.Output), (traced.ExitCode, traced.Output));
        Assert.Equal(Instructions(plain), Instructions(traced));
    }

    [Fact]
    public void Bad_options_are_refused()
    {
        Run("--trace", "blocks,everything").ShouldRefuse("--trace everything: there are blocks, il, asm, exits and traps");
        Run("--trace", "blocks", "--trace-file", _file, "--trace-filter", "schedule").ShouldRefuse("--trace-filter schedule");
        Run("--trace-filter", "0x1000").ShouldRefuse("--trace-filter needs a --trace");
        Run("--trace-file", _file).ShouldRefuse("--trace-file needs a --trace");
        Run("--trace", "blocks", "--trace-file", Path.Combine(_file, "no", "such", "place")).ShouldRefuse("cannot write");
        Run("--trace", "blocks", "--trace-limit", "much").ShouldRefuse("--trace-limit much");
    }

    [Fact]
    public void A_perf_map_names_regions_after_the_Guests_symbols()
    {
        if (!OperatingSystem.IsLinux())
        {
            Run("--perf-map").ShouldRefuse("--perf-map is for Linux");
            return;
        }

        File.WriteAllText(_file, "00100000 T tiny_start\n00180000 D tiny_data\n");
        string map = Lguest.Jit.Launcher.Tracing.PerfMap.DefaultPath;
        bool existed = File.Exists(map);
        try
        {
            Assert.Equal(0, Run("--perf-map", "--symbols", _file).ExitCode);
            Assert.Matches(@"(?m)^[0-9a-f]{6,16} [0-9a-f]{2,6} \[guest\] tiny_start(\+0x[0-9a-f]+)?$", File.ReadAllText(map));
        }
        finally
        {
            if (!existed)
            {
                File.Delete(map);
            }
        }
    }

    private string Trace(string kinds, params string[] more)
    {
        Launch run = Run(["--trace", kinds, "--trace-file", _file, .. more]);
        Assert.True(run.ExitCode == 0, run.Error);
        return File.ReadAllText(_file);
    }

    private static Launch Run(params string[] arguments)
    {
        string[] engine = arguments.Contains("--engine") ? [] : ["--engine", "jit", "--jit-threshold", "0"];
        return Launch.With(["run", .. engine, .. arguments], input: null, Guest().Load);
    }

    private static string Instructions(Launch run) => Assert.Single(run.ErrorLines, static l => l.StartsWith("  instructions  ", StringComparison.Ordinal));

    /// <summary>Loops a little, then takes a trap whose handler powers off.</summary>
    private static TinyGuest Guest()
    {
        var guest = new TinyGuest();
        Assembler c = guest.Assembler;
        guest.Initialise();
        Label again = c.CreateLabel();
        Label setup = c.CreateLabel();
        c.mov(esp, (int)TinyGuest.DataAddress + 0x8000);
        c.mov(ecx, 10);
        c.Label(ref again);
        c.add(ebx, 0x1234567);
        c.loop(again);

        // The handler stands behind a call, which so leaves its address on the stack.
        c.call(setup);
        guest.PowerOff();
        c.Label(ref setup);
        c.pop(edx);

        // LOAD_IDT_ENTRY for int3: a trap gate that ring 1 may use.
        c.mov(ecx, edx);
        c.and(ecx, 0xFFFF);
        c.or(ecx, 0x610000);
        c.and(edx, 0xFFFF0000);
        c.or(edx, 0xEF00);
        c.mov(ebx, 3);
        c.mov(eax, 6);
        c.@int(0x1F);
        c.int3();
        return guest;
    }
}
