using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Segmentation;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Loading;
using Lguest.Jit.Launcher.Reporting;
using Lguest.Jit.Switcher.Time;

namespace Lguest.Jit.Launcher.Tests.Reporting;

public sealed unsafe class KillReportTests : IDisposable
{
    private readonly GuestMachine _machine = new(4 << 20, new HostClock());
    private readonly GuestCpu* _cpu;

    public KillReportTests() => _cpu = _machine.Cpu;

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Registers_code_and_stack_are_shown_with_symbols()
    {
        SymbolTable symbols = SymbolTable.From([new(0x100000, "_start", true), new(0x100010, "helper", true), new(0x200000, "data", false)]);
        byte[] code = [0x90, 0x31, 0xC0, 0xE8, 0x08, 0x00, 0x00, 0x00, 0x0F, 0x0B, 0xB8, 0x78, 0x56, 0x34, 0x12];
        _machine.Ram.TryWrite(0x100000, code);
        _machine.Ram.TryWrite32(0x300000, 0x100008);
        _machine.Ram.TryWrite32(0x300004, 0x200000);
        _cpu->Eip = 0x100008;
        _cpu->Gpr[Reg.Eax] = 0xDEADBEEF;
        _cpu->Gpr[Reg.Esp] = 0x300000;
        string report = KillReport.Describe(_machine, "bad luck", symbols);
        string[] lines = report.Split(Environment.NewLine);
        Assert.Equal("Guest killed: bad luck", lines[0]);
        Assert.Contains("eax deadbeef", lines[1], StringComparison.Ordinal);
        Assert.Contains("eip 00100008 (_start+0x8)  eflags 00000202 [IF]  cpl 1", report, StringComparison.Ordinal);
        Assert.Contains("cs 0061  base 00000000 limit ffffffff", report, StringComparison.Ordinal);
        Assert.Contains("fs 0000  null", report, StringComparison.Ordinal);
        Assert.Contains("not announced", report, StringComparison.Ordinal);
        Assert.Contains("     00100003: e8 08 00 00 00                 call helper", report, StringComparison.Ordinal);
        Assert.Contains("  => 00100008: 0f 0b                          ud2", report, StringComparison.Ordinal);
        Assert.Contains("     0010000a: b8 78 56 34 12                 mov $0x12345678,%eax", report, StringComparison.Ordinal);
        Assert.Contains("     00300000: 00100008  _start+0x8", report, StringComparison.Ordinal);
        Assert.Contains("     00300004: 00200000" + Environment.NewLine, report, StringComparison.Ordinal);
        Assert.Equal(16, lines.SkipWhile(static l => l != "stack:").Count(static l => l.StartsWith("     ", StringComparison.Ordinal)));
    }

    [Fact]
    public void After_INIT_the_shared_words_are_shown()
    {
        _cpu->LguestData = 0x1000;
        _cpu->NoirqIret = 0xC0100000;
        _machine.Ram.TryWrite32(0x1000, 0x246);
        _machine.Ram.TryWrite32(0x1008, 0xBADADD);
        string report = KillReport.Describe(_machine, "x", SymbolTable.Empty);
        Assert.Contains("lguest_data at 00001000: irq_enabled 00000246  irq_pending 00000000  blocked_interrupts 00000000  cr2 00badadd", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Looking_changes_no_accessed_bit()
    {
        const uint Directory = 0x10000;
        const uint Table = 0x11000;
        _machine.Ram.TryWrite32(Directory, Table | 7);
        _machine.Ram.TryWrite32(Table, 0x20000 | 7);
        _machine.Ram.TryWrite(0x20000, [0x0F, 0x0B]);
        _machine.Mmu.SetPageDirectory(_cpu, Directory, trusted: false);
        _cpu->Eip = 0;
        string report = KillReport.Describe(_machine, "x", SymbolTable.Empty);
        Assert.Contains("=> 00000000: 0f 0b", report, StringComparison.Ordinal);
        _machine.Ram.TryRead32(Table, out uint entry);
        Assert.Equal(0x20007u, entry);
    }

    [Fact]
    public void What_cannot_be_read_is_said_so()
    {
        _machine.Mmu.SetPageDirectory(_cpu, 0xFFFFF000, trusted: false);
        _cpu->Eip = 0xC0000000;
        _cpu->Gpr[Reg.Esp] = 0xFFFFFFFE;
        _cpu->LguestData = 0xFFFFFFFF;
        string report = KillReport.Describe(_machine, "x", SymbolTable.Empty);
        Assert.Contains("  => c0000000: (not readable)", report, StringComparison.Ordinal);
        Assert.Contains("     fffffffe: (not readable)", report, StringComparison.Ordinal);
        Assert.Contains("irq_enabled (not readable)", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_garbage_makes_a_report()
    {
        SymbolTable symbols = SymbolTable.From([new(0x1000, "low", true), new(0xFFFFF000, "high", true)]);
        var random = new Random(31);
        Span<byte> ram = _machine.Ram.Window(0, _machine.Ram.Size);
        random.NextBytes(ram[..0x100000]);
        for (int i = 0; i < 2000; i++)
        {
            for (int register = 0; register < 8; register++)
            {
                _cpu->Gpr[register] = Anything(random);
            }

            _cpu->Eip = Anything(random);
            _cpu->LguestData = Anything(random);
            _cpu->FlagsAux = Anything(random);
            _cpu->SystemFlags = Anything(random);
            for (int segment = 0; segment < 6; segment++)
            {
                Segments.SetHidden(_cpu, segment, Anything(random), ((ulong)Anything(random) << 32) | Anything(random));
            }

            if (i >= 1000)
            {
                _machine.Mmu.SetPageDirectory(_cpu, Anything(random), trusted: false);
            }

            Assert.InRange(KillReport.Describe(_machine, "x", symbols).Split(Environment.NewLine).Length, 14, 50);
        }
    }

    private static uint Anything(Random random) => random.Next(4) switch
    {
        0 => (uint)random.NextInt64(),
        1 => uint.MaxValue - (uint)random.Next(64),
        2 => (uint)random.Next(0x100000) & ~0xFFFu,
        _ => (uint)random.Next(5 << 20),
    };
}
