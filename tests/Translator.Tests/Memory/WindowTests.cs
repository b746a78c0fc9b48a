using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Tests.Rigs;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.Memory;

/// <summary>
/// What translated code remembers of the soft TLB, and what can happen to that. Each scene is a few runs of one loop over memory, with
/// something done to the pages in between; interpreted and translated it must leave the same registers, faults and memory, page tables included.
/// </summary>
public sealed unsafe class WindowTests
{
    private const uint Page = 0x1000;
    private const uint Frames = 0x200000;
    private const uint Elsewhere = 0x300000;

    [Fact]
    public void The_loop_looks_through_windows_that_grow_over_what_is_contiguous()
    {
        using var rig = new Rig(static machine => new TieredEngine(machine, 0));
        rig.Write(Rig.Code, Loop());
        var engine = (TieredEngine)rig.Engine;
        Run(rig, Frames, Elsewhere, 4, 16 * Page / 4);
        Run(rig, Frames, Elsewhere, 4, 16 * Page / 4);
        Assert.Null(engine.Failure);
        CompiledRegion region = engine.Regions.All.Last(static r => r.WindowUses.Count > 0);
        long[] limits = [.. Enumerable.Range(0, region.Windows->Count).Select(i => WindowTable.Window(region.Windows, i)->Limit)];
        Assert.Contains(limits, static limit => limit >= 15 * Page);
    }

    [Fact]
    public void Windows_reach_over_pages_that_nobody_has_touched_yet_and_stop_where_filling_would_leave_a_mark()
    {
        using var rig = new Rig(static machine => new TieredEngine(machine, 0));
        rig.Write(Rig.Code, Loop());
        PagedRig.TurnOn(rig);
        for (uint page = 0; page < 40; page++)
        {
            MapWith(rig, PagedRig.Alias + page * Page, Frames + page * Page, page is 25 or 39 ? 0x27u : 0x67u);
        }

        for (int i = 0; i < 4; i++)
        {
            Run(rig, PagedRig.Alias + 4, PagedRig.Alias + 20 * Page, 4, 16);
        }

        uint Slot(uint page) => (PagedRig.Alias >> 12) + page;
        Assert.Null(((TieredEngine)rig.Engine).Failure);
        Assert.All(Enumerable.Range(0, 21), page => Assert.NotEqual(0ul, rig.Cpu->WriteTable[Slot((uint)page)]));
        Assert.Equal(0ul, rig.Cpu->WriteTable[Slot(25)]);
        Assert.Equal(0ul, rig.Cpu->WriteTable[Slot(39)]);
        byte[] entry = new byte[4];
        Assert.True(rig.Machine.Ram.TryRead(0x83000 + 4 * 25, entry));
        Assert.Equal(Frames + 25 * Page + 0x27, BitConverter.ToUInt32(entry));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void A_window_that_has_to_be_grown_back_after_each_flush_is_given_up(bool flushes, bool keeps)
    {
        const uint Far = 512 * Page;
        using var rig = new Rig(static machine => new TieredEngine(machine, 0));
        rig.Write(Rig.Code, Loop());
        PagedRig.TurnOn(rig);
        Run(rig, 0x100000, 0x100800, Page, 600);
        var engine = (TieredEngine)rig.Engine;
        for (int i = 0; i < 30; i++)
        {
            // It shrinks to what lies around the page that was missed last, and that is either end in turn.
            Run(rig, 0x100000 + (i % 2 == 0 ? Far : 0), 0x100800, 4, 1);
            if (flushes)
            {
                rig.Machine.Mmu.EntryChanges();
            }
        }

        Assert.Null(engine.Failure);
        Assert.Equal(keeps, engine.Regions.Around(engine.Blocks.Peek(Rig.Code))!.WindowUses.Count(static use => !use.Class.IsStack) == 2);
    }

    [Theory]
    [InlineData(31 + 16384, true)]
    [InlineData(32 + 16384, true)]
    [InlineData(33 + 16384, false)]
    public void A_window_does_not_look_through_more_than_64_MiB_to_reach_a_page(int distance, bool reaches)
    {
        const uint Middle = 20_000;
        using var rig = new Rig(static machine => new TieredEngine(machine, 0));
        for (int page = 0; page < 2 * Middle; page++)
        {
            rig.Cpu->ReadTable[page] = 0x7777_0000_0000;
        }

        foreach (int sign in new[] { -1, 1 })
        {
            var window = new AccessWindow { Limit = -1 };
            WindowTable.Open(rig.Cpu, &window, Middle, fill: false);
            uint page = (uint)(Middle + (sign * distance));
            Assert.Equal(reaches, WindowTable.TryExtend(rig.Cpu, &window, page, fill: false));
            Assert.Equal(reaches, WindowTable.Contains(&window, page));
            Assert.True(WindowTable.Contains(&window, Middle));
        }
    }

    [Fact]
    public void Holes_and_strangers_among_pages_that_could_be_filled_ahead() => Agree(
        static (rig, run) =>
        {
            MapWith(rig, PagedRig.Alias + 5 * Page, Frames + 5 * Page, 0x66);
            MapWith(rig, PagedRig.Alias + 9 * Page, Frames + 9 * Page, 0x65);
            MapWith(rig, PagedRig.Alias + 11 * Page, Elsewhere, 0x67);
            MapWith(rig, PagedRig.Alias + 13 * Page, Frames + 13 * Page, 0x47);
            run(PagedRig.Alias, Elsewhere, 4, 2 * Page / 4);
            run(PagedRig.Alias + 6 * Page, PagedRig.Alias + 3 * Page, 4, 2 * Page / 4 + 8);
            run(PagedRig.Alias + 8 * Page, PagedRig.Alias + 7 * Page, 4, 2 * Page / 4 + 8);
            run(PagedRig.Alias + 10 * Page, Elsewhere, 64, 6 * Page / 64);
            run(Elsewhere, PagedRig.Alias + 10 * Page, 64, 6 * Page / 64);
        });

    [Fact]
    public void A_page_is_mapped_to_another_frame() => Agree(
        static (rig, run) =>
        {
            run(PagedRig.Alias, Elsewhere, 4, 8 * Page / 4);
            PagedRig.Map(rig, PagedRig.Alias + 3 * Page, Elsewhere + 0x20000);
            run(PagedRig.Alias, Elsewhere, 4, 8 * Page / 4);
            PagedRig.Map(rig, PagedRig.Alias + 3 * Page, Frames + 3 * Page);
            run(Elsewhere, PagedRig.Alias, 4, 8 * Page / 4);
            PagedRig.Map(rig, PagedRig.Alias + 7 * Page, Frames);
            run(Elsewhere, PagedRig.Alias, 4, 8 * Page / 4);
        });

    [Theory]
    [InlineData(0x65)]
    [InlineData(0x61)]
    [InlineData(0x66)]
    public void A_page_may_not_be_written_or_read_any_more(int entry) => Agree(
        (rig, run) =>
        {
            run(PagedRig.Alias, PagedRig.Alias + 8 * Page, 4, 8 * Page / 4);
            MapWith(rig, PagedRig.Alias + 10 * Page, Frames + 10 * Page, (uint)entry);
            run(PagedRig.Alias, PagedRig.Alias + 8 * Page, 4, 8 * Page / 4);
            run(PagedRig.Alias + 10 * Page - 64, Elsewhere, 4, 64);
        });

    [Fact]
    public void Clean_pages_become_dirty_by_stores_only() => Agree(
        static (rig, run) =>
        {
            for (uint page = 0; page < 16; page++)
            {
                MapWith(rig, PagedRig.Alias + page * Page, Frames + page * Page, 0x7);
            }

            run(PagedRig.Alias, Elsewhere, 4, 16 * Page / 4);
            run(PagedRig.Alias, PagedRig.Alias + 64, 4, 2 * Page / 4);
            run(PagedRig.Alias, PagedRig.Alias + 5 * Page, 4, 3 * Page / 4);
        });

    [Fact]
    public void An_entry_that_the_Guest_changed_and_told_nobody() => Agree(
        static (rig, run) =>
        {
            MapWith(rig, PagedRig.Alias + 2 * Page, Frames + 2 * Page, 0x27);
            run(PagedRig.Alias, Elsewhere, 4, 4 * Page / 4);

            // Not announced: the next store finds it, and from then on loads must find it as well.
            rig.Write(0x83000 + 4 * 2, BitConverter.GetBytes((Elsewhere + 0x40000) | 0x27u));
            run(PagedRig.Alias, Elsewhere, 4, 4 * Page / 4);
            run(PagedRig.Alias + 2 * Page, PagedRig.Alias + 2 * Page + 2048, 4, 256);
            run(PagedRig.Alias, Elsewhere, 4, 4 * Page / 4);
        });

    [Fact]
    public void Pages_that_are_not_contiguous_and_accesses_across_their_borders() => Agree(
        static (rig, run) =>
        {
            for (uint page = 0; page < 16; page++)
            {
                PagedRig.Map(rig, PagedRig.Alias + page * Page, Frames + (page * 7 % 16) * Page);
            }

            run(PagedRig.Alias + 1, PagedRig.Alias + 3, 61, 900);
            run(PagedRig.Alias + 1, PagedRig.Alias + 3, 61, 900);
            run(PagedRig.Alias + 4093, Elsewhere, Page, 14);
            run(Elsewhere, PagedRig.Alias + 4094, Page, 14);
        });

    [Fact]
    public void Loads_and_stores_that_meet_in_one_page_by_two_names() => Agree(
        static (rig, run) =>
        {
            PagedRig.Map(rig, PagedRig.Alias + Page, Frames);
            run(PagedRig.Alias, PagedRig.Alias + Page + 4, 4, 1000);
            run(PagedRig.Alias + Page, PagedRig.Alias + 4, 4, 1000);
        });

    [Fact]
    public void Code_inside_of_what_is_written() => Agree(
        static (rig, run) =>
        {
            byte[] code = Function(1);
            rig.Write(Frames + 4 * Page + 0x100, code);
            run(Elsewhere, Frames, 4, 8 * Page / 4);
            rig.Write(Elsewhere + 4 * Page + 0x100, Function(2));
            rig.Write(Frames + 4 * Page + 0x100, code);
            Call(rig, Frames + 4 * Page + 0x100);

            // Now the page has code, and no write entry.
            run(Frames, Frames + 2 * Page, 4, 64);
            run(Frames, Elsewhere + 0x40000, 4, 8 * Page / 4);
            rig.Write(Frames + 4 * Page + 0x100, code);
            Call(rig, Frames + 4 * Page + 0x100);
            Copy(rig, Elsewhere + 4 * Page, Frames + 4 * Page, Page);
            Call(rig, Frames + 4 * Page + 0x100);
        });

    [Theory]
    [InlineData(0x40u, 0x2000u, -4)]
    [InlineData(0x2000u, 0x40u, -4)]
    [InlineData(0x3u, 0x2000u, -1)]
    [InlineData(Rig.RamSize - 64, 0x2000u, 4)]
    [InlineData(0x2000u, Rig.RamSize - 64, 3)]
    [InlineData(0xFFFFFFF0u, 0x2000u, 4)]
    [InlineData(0xFFFFFFFEu, 0x2000u, 4)]
    public void The_ends_of_memory(uint from, uint to, int step) => Agree(
        (rig, run) =>
        {
            run(0x2000, 0x4000, 4, 512);
            run(from, to, (uint)step, 100);
        },
        paging: false);

    [Fact]
    public void Another_address_space() => Agree(
        static (rig, run) =>
        {
            for (uint page = 0; page < 8; page++)
            {
                PagedRig.Map(rig, PagedRig.Alias + page * Page, Elsewhere + page * Page, PagedRig.SecondDirectory);
            }

            run(PagedRig.Alias, PagedRig.Alias + 4 * Page, 4, 4 * Page / 4);
            rig.Machine.Mmu.SetPageDirectory(rig.Cpu, PagedRig.SecondDirectory, trusted: true);
            run(PagedRig.Alias, PagedRig.Alias + 4 * Page, 4, 4 * Page / 4);
            rig.Machine.Mmu.SetPageDirectory(rig.Cpu, PagedRig.Directory, trusted: true);
            run(PagedRig.Alias, PagedRig.Alias + 4 * Page, 4, 4 * Page / 4);
            rig.Machine.Mmu.FlushAll();
            run(PagedRig.Alias, PagedRig.Alias + 4 * Page, 4, 4 * Page / 4);
        });

    [Fact]
    public void Stores_that_are_tracked_by_checkpoints()
    {
        static string Play(Func<Core.Machine.GuestMachine, IExecutionEngine> engine)
        {
            using var rig = new Rig(engine);
            Core.Memory.DirtyPages dirty = rig.Machine.Mmu.TrackWrites();
            rig.Write(Rig.Code, Loop());
            string story = "";
            for (int i = 0; i < 6; i++)
            {
                story += Run(rig, Frames, Elsewhere + (uint)i * 2 * Page, 4, 4 * Page / 4) + $" {dirty.Checkpoint():X}\n";
            }

            return story;
        }

        Assert.Equal(Play(static machine => new InterpreterEngine(machine)), Play(static machine => new TieredEngine(machine, 0)));
    }

    private delegate void Runs(uint from, uint to, uint step, uint count);

    /// <summary>Plays the scene on both engines, the translator in several shapes.</summary>
    private static void Agree(Action<Rig, Runs> scene, bool paging = true)
    {
        string expected = Play(scene, paging, static machine => new InterpreterEngine(machine), out _);
        foreach (string shape in new[] { "as usual", "-windows", "-checked-spans", "regions of instructions", "-merged-flags", "-slices" })
        {
            string actual = Play(scene, paging, machine => new TieredEngine(machine, 0, optimisations: Shapes.Of(shape)), out Exception? failure);
            Assert.Null(failure);
            Assert.Equal(expected, actual);
        }
    }

    private static string Play(Action<Rig, Runs> scene, bool paging, Func<Core.Machine.GuestMachine, IExecutionEngine> engine, out Exception? failure)
    {
        using var rig = new Rig(engine);
        byte[] noise = new byte[0x100000];
        new Random(7).NextBytes(noise);
        rig.Write(Frames, noise.AsSpan(0, 0x40000));
        rig.Write(Elsewhere, noise.AsSpan(0x40000, 0x80000));
        rig.Write(Rig.Code, Loop());
        rig.Write(Rig.Code + 0x800, CopyLoop());
        if (paging)
        {
            PagedRig.TurnOn(rig);
            for (uint page = 0; page < 16; page++)
            {
                PagedRig.Map(rig, PagedRig.Alias + page * Page, Frames + page * Page);
            }
        }

        var story = new List<string>();
        scene(rig, (from, to, step, count) => story.Add(Run(rig, from, to, step, count) + " " + rig.Memory(0x80000, Rig.RamSize - 0x80000)));
        story.Add(rig.Memory(0, Rig.RamSize));
        failure = (rig.Engine as TieredEngine)?.Failure;
        return string.Join('\n', story);
    }

    /// <summary>Runs the loop from the start; from, to: where it loads and stores; step: bytes it goes on by.</summary>
    private static string Run(Rig rig, uint from, uint to, uint step, uint count)
    {
        rig.Begin(Rig.Code);
        rig.Cpu->Gpr[Reg.Esi] = from;
        rig.Cpu->Gpr[Reg.Edi] = to;
        rig.Cpu->Gpr[Reg.Edx] = step;
        rig.Cpu->Gpr[Reg.Ecx] = count;
        return rig.State(rig.Run());
    }

    private static void Call(Rig rig, uint function)
    {
        rig.Begin(function);
        rig.Run();
        rig.Write(0xA000, BitConverter.GetBytes(rig.Cpu->Gpr[Reg.Eax]));
    }

    private static void Copy(Rig rig, uint from, uint to, uint bytes)
    {
        rig.Begin(Rig.Code + 0x800);
        rig.Cpu->Gpr[Reg.Esi] = from;
        rig.Cpu->Gpr[Reg.Edi] = to;
        rig.Cpu->Gpr[Reg.Ecx] = bytes / 4;
        rig.Run();
    }

    private static void MapWith(Rig rig, uint address, uint frame, uint flags)
    {
        PagedRig.Map(rig, address, frame);
        rig.Write(0x83000 + 4 * ((address >> 12) & 0x3FF), BitConverter.GetBytes(frame | flags));
    }

    private static byte[] Loop() => Assembled(static c =>
    {
        Label top = c.CreateLabel();
        c.Label(ref top);
        c.mov(ebx, __dword_ptr[esi]);
        c.add(eax, ebx);
        c.mov(__dword_ptr[edi], eax);
        c.push(eax);
        c.add(esi, edx);
        c.pop(ebx);
        c.add(edi, edx);
        c.dec(ecx);
        c.jne(top);
        c.int3();
    });

    private static byte[] CopyLoop() => Assembled(static c =>
    {
        Label top = c.CreateLabel();
        c.Label(ref top);
        c.mov(eax, __dword_ptr[esi]);
        c.mov(__dword_ptr[edi], eax);
        c.add(esi, 4);
        c.add(edi, 4);
        c.dec(ecx);
        c.jne(top);
        c.int3();
    });

    private static byte[] Function(int result) => Assembled(c =>
    {
        c.mov(eax, result);
        c.int3();
    });

    private static byte[] Assembled(Action<Assembler> write)
    {
        var c = new Assembler(32);
        write(c);
        using var stream = new MemoryStream();
        c.Assemble(new StreamCodeWriter(stream), Rig.Code);
        return stream.ToArray();
    }
}
