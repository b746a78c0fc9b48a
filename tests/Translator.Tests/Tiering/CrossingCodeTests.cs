using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.Machine;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Translator.Cache;
using Lguest.Jit.Translator.Tests.Rigs;
using static Iced.Intel.AssemblerRegisters;

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
    [InlineData(0u, Second, 0x40u)]
    [InlineData(20u, Second, 0x40u)]
    [InlineData(0u, Other, 0x112233u)]
    [InlineData(20u, Other, 0x112233u)]
    public void It_is_inside_the_region_of_the_loop_around_it(uint threshold, uint behind, uint addend)
    {
        using Rig rig = Paged(machine => new TieredEngine(machine, threshold, waits: true));
        PagedRig.Map(rig, PagedRig.Alias + Page, behind);
        Assert.Equal($"FA0 / {4000 * addend:X}", Loop(rig));
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

    /// <summary>Nothing else is in the line of the part that the Guest writes to: who does not look there for the sake of this instruction sees nothing.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData(0u)]
    [InlineData(20u)]
    public void What_the_Guest_writes_to_the_second_part_alone_counts(uint? threshold)
    {
        const uint Even = PagedRig.Alias + Page + 0x100;
        const uint Odd = PagedRig.Alias + Page + 0x180;
        using Rig rig = Paged(Engine(threshold));

        // JMP rel32 to two places in turns.
        rig.Write(First + Page - 1, [0xE9]);
        rig.Write(Second, BitConverter.GetBytes(Odd - Behind));
        Write(rig, Rig.Code, static b => b.Asm.xor(__dword_ptr[PagedRig.Alias + Page], (int)((Even - Behind) ^ (Odd - Behind))), Behind - 5);
        Write(rig, Second + 0x100, static b => b.Asm.inc(eax), next: null);
        Write(rig, Second + 0x180, static b => b.Asm.inc(edx), next: null);
        Assert.Equal((200u, 200u), Alternate(rig));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0u)]
    [InlineData(20u)]
    public void What_the_Guest_writes_to_the_first_part_alone_counts(uint? threshold)
    {
        using Rig rig = Paged(Engine(threshold));

        // ADD EAX, 1 and SUB EAX, 1 in turns.
        rig.Write(First + Page - 1, [0x2D]);
        rig.Write(Second, [1, 0, 0, 0]);
        Write(rig, Rig.Code, static b => b.Asm.xor(__byte_ptr[PagedRig.Alias + Page - 1], 0x05 ^ 0x2D), PagedRig.Alias + Page - 1);
        Write(rig, Second + 4, static b => b.Asm.inc(edx), next: null);
        Assert.Equal((0u, 400u), Alternate(rig));
    }

    /// <summary>
    /// Where the Host has put the Guest's RAM, nothing plus an address may look like the frame that was there: then only the question whether
    /// anything is mapped at all makes the difference.
    /// </summary>
    [Fact]
    public void A_second_page_that_is_gone_is_not_taken_for_the_frame_it_was()
    {
        using Rig rig = Paged(static machine => new InterpreterEngine(machine));
        uint ram = (uint)rig.Machine.Ram.Base;
        uint frame = Second;
        while ((((ram + frame) >> 12) & 0x3FF) == 0 || (ram + frame) >> 22 is 0 or 1 or 1023)
        {
            frame += Page + (1 << 18);
        }

        uint address = ram + frame;
        PagedRig.RepeatAliasAt(rig, address);
        PagedRig.Map(rig, address - Page, First);
        PagedRig.Map(rig, address, frame);
        rig.Write(frame, rig.Machine.Ram.Window(Second, 8).ToArray());
        Assert.Equal("FA0 / 3E800", Loop(rig, address - 4));
        PagedRig.Unmap(rig, address);
        Assert.Contains($"Fault vector=14 error=0 address={address:X8}", Loop(rig, address - 4), StringComparison.Ordinal);
    }

    private static Func<GuestMachine, IExecutionEngine> Engine(uint? threshold) =>
        machine => threshold is { } rounds ? new TieredEngine(machine, rounds, waits: true) : new InterpreterEngine(machine);

    /// <summary>Code at a physical address that goes on at <paramref name="next"/>, or counts a round and goes back to <see cref="Rig.Code"/>.</summary>
    private static void Write(Rig rig, uint at, Action<CodeBuilder> emit, uint? next)
    {
        uint eip = at < First ? at : at - First + PagedRig.Alias;
        rig.Write(at, CodeBuilder.Assemble(eip, b =>
        {
            emit(b);
            if (next == null)
            {
                b.Asm.dec(ecx);
                b.Asm.jne(Rig.Code);
                b.Asm.int3();
            }
            else
            {
                b.Asm.jmp(next.Value);
            }
        }));
    }

    /// <summary>400 rounds from <see cref="Rig.Code"/>.</summary>
    /// <returns>eax, edx.</returns>
    private static (uint Eax, uint Edx) Alternate(Rig rig)
    {
        rig.Begin(Rig.Code);
        rig.Cpu->Gpr[1] = 400;
        Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run(100_000));
        return (rig.Cpu->Gpr[0], rig.Cpu->Gpr[2]);
    }

    /// <summary>4,000 rounds.</summary>
    private static string Loop(Rig rig, uint begin = Begin)
    {
        rig.Begin(begin);
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
