using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Tests.Rigs;

namespace Lguest.Jit.Translator.Tests.Tiering;

/// <summary>
/// An instruction that begins in one page and ends in the next is part of a region like any other, and as good as both pages: what is mapped
/// there, and what is written to either, counts at once.
/// </summary>
public sealed unsafe class CrossingCodeTests
{
    private const uint Page = 0x1000;
    private const uint First = 0x30000;
    private const uint Second = 0x31000;
    private const uint Other = 0x32000;
    private const uint Begin = PagedRig.Alias + Page - 4;

    /// <summary>Where the loop goes on behind the instruction that crosses.</summary>
    private const uint Behind = PagedRig.Alias + Page + 4;

    [Theory]
    [InlineData(0u)]
    [InlineData(20u)]
    public void It_is_inside_the_region_of_the_loop_around_it(uint threshold)
    {
        using Rig rig = Paged(machine => new TieredEngine(machine, threshold, waits: true));
        Assert.Equal("FA0 / 3E800", Loop(rig));
        CompiledRegion region = ((TieredEngine)rig.Engine).Regions.All.First(static region =>
            region.Plan.Blocks.Any(static block => block.Eip == Begin + 3) && region.Plan.Blocks.Any(static block => block.Eip == Behind));
        Assert.Equal([PagedRig.Alias >> 12, (PagedRig.Alias >> 12) + 1], region.Plan.Pages.Select(static page => page.Page).Order());
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(20u)]
    public void What_is_mapped_behind_it_counts(uint threshold) => Agree(threshold, static (rig, run) =>
    {
        run();
        PagedRig.Map(rig, PagedRig.Alias + Page, Other);
        run();
        PagedRig.Map(rig, PagedRig.Alias + Page, Second);
        run();
    });

    [Theory]
    [InlineData(0u)]
    [InlineData(20u)]
    public void What_another_page_directory_has_behind_it_counts(uint threshold) => Agree(threshold, static (rig, run) =>
    {
        PagedRig.Map(rig, PagedRig.Alias, First, PagedRig.SecondDirectory);
        PagedRig.Map(rig, PagedRig.Alias + Page, Other, PagedRig.SecondDirectory);
        for (int i = 0; i < 3; i++)
        {
            run();
            rig.Machine.Mmu.SetPageDirectory(rig.Cpu, PagedRig.SecondDirectory, trusted: true);
            run();
            rig.Machine.Mmu.SetPageDirectory(rig.Cpu, PagedRig.Directory, trusted: true);
        }
    });

    [Theory]
    [InlineData(0u, First + Page - 1)]
    [InlineData(20u, First + Page - 1)]
    [InlineData(0u, Second + 1)]
    [InlineData(20u, Second + 1)]
    public void What_is_written_to_either_part_counts(uint threshold, uint at) => Agree(threshold, (rig, run) =>
    {
        run();

        // ADD EAX, imm32 becomes OR EAX, imm32; or another byte of the immediate.
        rig.Write(at, at < Second ? [0x0D] : [0x7F]);
        run();
        rig.Write(at, at < Second ? [0x05] : [0x00]);
        run();
    });

    [Theory]
    [InlineData(0u)]
    [InlineData(20u)]
    public void A_second_page_that_is_gone_faults_where_it_begins(uint threshold) => Agree(threshold, static (rig, run) =>
    {
        run();
        PagedRig.Unmap(rig, PagedRig.Alias + Page);
        run();
        PagedRig.Map(rig, PagedRig.Alias + Page, Second);
        run();
    });

    /// <summary>In the interpreter as well, whose links lead there from the block before.</summary>
    [Fact]
    public void A_link_to_it_is_good_for_the_first_page_and_the_instruction_itself_looks_at_the_second()
    {
        using Rig rig = Paged(static machine => new InterpreterEngine(machine));
        Assert.Equal("FA0 / 3E800", Loop(rig));
        long decoded = ((InterpreterEngine)rig.Engine).Cache.Decoded;
        PagedRig.Map(rig, PagedRig.Alias + Page, Other);
        Assert.Equal($"FA0 / {unchecked(4000u * 0x112233):X}", Loop(rig));
        PagedRig.Map(rig, PagedRig.Alias + Page, Second);
        Assert.Equal("FA0 / 3E800", Loop(rig));

        // The instruction with the other end, and the two blocks behind it in the other page; what was decoded before is still there.
        Assert.Equal(decoded + 3, ((InterpreterEngine)rig.Engine).Cache.Decoded);
    }

    /// <summary>4,000 rounds.</summary>
    private static string Loop(Rig rig)
    {
        rig.Begin(Begin);
        rig.Cpu->Gpr[1] = 4000;
        ExitReason reason = rig.Run();
        return reason == ExitReason.SoftwareInterrupt ? $"{rig.Cpu->Gpr[2]:X} / {rig.Cpu->Gpr[0]:X}" : rig.State(reason);
    }

    private static void Agree(uint threshold, Action<Rig, Action> scene)
    {
        static List<string> Play(Func<GuestMachine, IExecutionEngine> engine, Action<Rig, Action> scene)
        {
            var story = new List<string>();
            using Rig rig = Paged(engine);
            scene(rig, () => story.Add(Loop(rig) + $" {rig.Machine.Retired}"));
            return story;
        }

        List<string> expected = Play(static machine => new InterpreterEngine(machine), scene);
        Assert.StartsWith($"FA0 / {4000 * 0x40:X} ", expected[0], StringComparison.Ordinal);
        Assert.False(expected[1].StartsWith("FA0 / 3E800 ", StringComparison.Ordinal));
        Assert.StartsWith($"FA0 / {4000 * 0x40:X} ", expected[2], StringComparison.Ordinal);
        Assert.Equal(expected, Play(machine => new TieredEngine(machine, threshold, waits: true), scene));
    }

    private static Rig Paged(Func<GuestMachine, IExecutionEngine> engine)
    {
        var rig = new Rig(engine);
        PagedRig.TurnOn(rig);
        PagedRig.Map(rig, PagedRig.Alias, First);
        PagedRig.Map(rig, PagedRig.Alias + Page, Second);

        // NOP; INC EDX; NOP; then ADD EAX, imm32, of which the opcode is the page's last byte.
        rig.Write(First + Page - 4, [0x90, 0x42, 0x90, 0x05]);

        // ...imm32; DEC ECX; JNZ back to the start; INT3. In the other page it adds something else.
        rig.Write(Second, [0x40, 0x00, 0x00, 0x00, 0x49, 0x75, 0xF5, 0xCC]);
        rig.Write(Other, [0x33, 0x22, 0x11, 0x00, 0x49, 0x75, 0xF5, 0xCC]);
        return rig;
    }
}
