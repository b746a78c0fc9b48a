using Iced.Intel;
using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Translator.Tests.Rigs;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.SelfModifying;

/// <summary>Code that is written to, by every kind of writer, does at once what it then says; on translated code as interpreted.</summary>
public sealed unsafe class RewrittenCodeTests
{
    private const int Many = 10_000;

    // Waiting for the compiler at each rewrite: fewer of them have to do.
    private const int Few = 300;

    [Theory]
    [InlineData(0u, Few)]
    [InlineData(1u, Many)]
    [InlineData(50u, Many)]
    public void An_instruction_rewritten_by_its_own_block(uint threshold, int rewrites) => Agree(threshold, b =>
    {
        Assembler c = b.Asm;
        CodeLabel patched = b.NewLabel();
        c.mov(ecx, rewrites);
        CodeLabel top = b.Here();
        c.add(__dword_ptr[b.AddressOf(patched) + 1], 3);
        b.Mark(patched);
        c.add(eax, 0x12345678);
        c.dec(ecx);
        c.jnz(top.Value);
        c.int3();
    });

    [Theory]
    [InlineData(0u, Few)]
    [InlineData(1u, Many)]
    [InlineData(50u, Many)]
    public void An_instruction_rewritten_by_a_handler_of_the_interpreter_in_its_own_block(uint threshold, int rewrites) => Agree(threshold, b =>
    {
        // XADD and STOSD have no template: the store comes from within translated code.
        Assembler c = b.Asm;
        CodeLabel patched = b.NewLabel();
        c.mov(ecx, rewrites);
        CodeLabel top = b.Here();
        c.mov(edx, 5);
        c.xadd(__dword_ptr[b.AddressOf(patched) + 1], edx);
        b.Mark(patched);
        c.add(eax, 0x12345678);
        c.adc(ebx, ecx);
        c.dec(ecx);
        c.jnz(top.Value);
        c.int3();
    });

    [Theory]
    [InlineData(0u, Few)]
    [InlineData(1u, Many)]
    [InlineData(50u, Many)]
    public void The_next_block_rewritten(uint threshold, int rewrites) => Agree(threshold, b =>
    {
        Assembler c = b.Asm;
        CodeLabel patched = b.NewLabel();
        c.mov(ecx, rewrites);
        CodeLabel top = b.Here();
        c.add(__dword_ptr[b.AddressOf(patched) + 1], 3);
        c.jmp(patched.Value);
        c.nop();
        b.Mark(patched);
        c.add(eax, 0x12345678);
        c.dec(ecx);
        c.jnz(top.Value);
        c.int3();
    });

    [Theory]
    [InlineData(0u, Few)]
    [InlineData(1u, Many)]
    [InlineData(50u, Many)]
    public void A_function_in_another_page_rewritten_every_third_round(uint threshold, int rewrites) => Agree(threshold, b =>
    {
        Assembler c = b.Asm;
        CodeLabel function = b.NewLabel();
        CodeLabel keep = b.NewLabel();
        c.mov(ecx, 3 * rewrites);
        c.mov(esi, 3);
        CodeLabel top = b.Here();
        c.call(function.Value);
        c.dec(esi);
        c.jnz(keep.Value);
        c.add(__dword_ptr[b.AddressOf(function) + 1], ecx);
        c.mov(esi, 3);
        b.Mark(keep);
        c.dec(ecx);
        c.jnz(top.Value);
        c.int3();
        for (int i = 0; i < 0x1000; i++)
        {
            c.db(0xCC);
        }

        b.Mark(function);
        c.add(eax, 0x12345678);
        c.ret();
    });

    [Theory]
    [InlineData(0u, Few)]
    [InlineData(1u, Many)]
    [InlineData(50u, Many)]
    public void A_block_that_is_no_entry_of_its_region_rewritten(uint threshold, int rounds)
    {
        // The middle block is joined into the region of the loop; the device writes to it alone.
        byte[] code = CodeBuilder.Assemble(Rig.Code, static b =>
        {
            Assembler c = b.Asm;
            CodeLabel skip = b.NewLabel();
            c.mov(ecx, 4);
            CodeLabel top = b.Here();
            c.test(ecx, 1);
            c.jz(skip.Value);
            c.add(eax, 0x12345678);
            b.Mark(skip);
            c.add(edx, eax);
            c.dec(ecx);
            c.jnz(top.Value);
            c.int3();
        });
        int at = code.AsSpan().IndexOf(BitConverter.GetBytes(0x12345678));
        ByDevice(threshold, rounds, code, at);
    }

    [Theory]
    [InlineData(0u, Few)]
    [InlineData(1u, Many)]
    [InlineData(50u, Many)]
    public void Code_rewritten_by_a_device_between_runs(uint threshold, int rounds)
    {
        byte[] code = CodeBuilder.Assemble(Rig.Code, static b =>
        {
            b.Asm.add(eax, 0x12345678);
            b.Asm.int3();
        });
        ByDevice(threshold, rounds, code, 1);
    }

    [Theory]
    [InlineData(0u, Few)]
    [InlineData(1u, Many)]
    [InlineData(50u, Many)]
    public void Code_rewritten_through_another_virtual_address(uint threshold, int rewrites) => Agree(
        threshold,
        b =>
        {
            Assembler c = b.Asm;
            CodeLabel patched = b.NewLabel();
            c.mov(ecx, rewrites);
            CodeLabel top = b.Here();
            c.add(__dword_ptr[b.AddressOf(patched) + 1 - Rig.Code + PagedRig.Alias], 3);
            b.Mark(patched);
            c.add(eax, 0x12345678);
            c.dec(ecx);
            c.jnz(top.Value);
            c.int3();
        },
        static rig =>
        {
            PagedRig.TurnOn(rig);
            PagedRig.Map(rig, PagedRig.Alias, Rig.Code);
        });

    [Theory]
    [InlineData(0u, 300)]
    [InlineData(1u, 10_000)]
    [InlineData(20u, 10_000)]
    public void A_callee_whose_page_is_remapped(uint threshold, int rounds) => Remapped(
        threshold, rounds, static (rig, frame, _) => PagedRig.Map(rig, PagedRig.Alias, frame));

    [Theory]
    [InlineData(0u, 300)]
    [InlineData(1u, 10_000)]
    [InlineData(20u, 10_000)]
    public void A_callee_in_another_address_space(uint threshold, int rounds) => Remapped(threshold, rounds, static (rig, frame, round) =>
    {
        // The second directory shares the first's table for the caller, and has a table of its own for the callee.
        uint directory = round % 2 == 0 ? PagedRig.Directory : PagedRig.SecondDirectory;
        PagedRig.Map(rig, PagedRig.Alias, frame, directory);
        rig.Machine.Mmu.SetPageDirectory(rig.Cpu, directory, trusted: true);
    });

    [Theory]
    [InlineData(0u)]
    [InlineData(3u)]
    public void Instructions_that_cross_a_page(uint threshold) => Agree(threshold, static b =>
    {
        Assembler c = b.Asm;
        CodeLabel next = b.NewLabel();
        c.mov(ecx, 5000);
        c.jmp(next.Value);
        int fill = 0x1000 - 5 - 5 - 12;
        for (int i = 0; i < fill; i++)
        {
            c.nop();
        }

        b.Mark(next);
        CodeLabel top = b.Here();

        // One of these lies across the boundary, whatever the jump's length.
        c.add(eax, 0x11111111);
        c.add(edx, 0x22222222);
        c.xor(eax, 0x33333333);
        c.sub(edx, 0x44444444);
        c.add(eax, edx);
        c.dec(ecx);
        c.jnz(top.Value);
        c.int3();
    });

    private static void Remapped(uint threshold, int rounds, Action<Rig, uint, int> remap)
    {
        const uint FrameA = 0x50000;
        const uint FrameB = 0x51000;
        byte[] caller = CodeBuilder.Assemble(Rig.Code, static b =>
        {
            b.Asm.mov(ecx, 3);
            CodeLabel top = b.Here();
            b.Asm.call((ulong)PagedRig.Alias);
            b.Asm.loop(top.Value);
            b.Asm.int3();
        });
        byte[] calleeA = CodeBuilder.Assemble(PagedRig.Alias, static b =>
        {
            b.Asm.add(eax, 1);
            b.Asm.ret();
        });
        byte[] calleeB = CodeBuilder.Assemble(PagedRig.Alias, static b =>
        {
            b.Asm.add(eax, 100);
            b.Asm.add(ebx, 1);
            b.Asm.ret();
        });
        Compare(threshold, rig =>
        {
            PagedRig.TurnOn(rig);
            rig.Write(Rig.Code, caller);
            rig.Write(FrameA, calleeA);
            rig.Write(FrameB, calleeB);
            var random = new Random(3);
            uint eax = 0;
            uint ebx = 0;
            for (int round = 0; round < rounds; round++)
            {
                remap(rig, random.Next(3) == 0 ? FrameB : FrameA, round);
                rig.Begin(Rig.Code);
                rig.Cpu->Gpr[Reg.Eax] = eax;
                rig.Cpu->Gpr[Reg.Ebx] = ebx;
                Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
                eax = rig.Cpu->Gpr[Reg.Eax];
                ebx = rig.Cpu->Gpr[Reg.Ebx];
            }

            return rig.State(ExitReason.Budget);
        });
    }

    private static void ByDevice(uint threshold, int rounds, byte[] code, int at) => Compare(threshold, rig =>
    {
        rig.Write(Rig.Code, code);
        uint eax = 0;
        uint expected = 0x12345678;
        for (int round = 0; round < rounds; round++)
        {
            rig.Begin(Rig.Code);
            rig.Cpu->Gpr[Reg.Eax] = eax;
            Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
            eax = rig.Cpu->Gpr[Reg.Eax] + rig.Cpu->Gpr[Reg.Edx];
            if (round % 3 != 0)
            {
                expected += (uint)round * 0x01010101;
                rig.Write(Rig.Code + (uint)at, BitConverter.GetBytes(expected));
            }
        }

        return rig.State(ExitReason.Budget);
    });

    private static void Agree(uint threshold, Action<CodeBuilder> emit, Action<Rig>? setUp = null)
    {
        byte[] code = CodeBuilder.Assemble(Rig.Code, emit);
        Compare(threshold, rig =>
        {
            rig.Write(Rig.Code, code);
            setUp?.Invoke(rig);
            rig.Begin(Rig.Code);
            ExitReason reason = rig.Run();
            Assert.Equal(ExitReason.SoftwareInterrupt, reason);
            return rig.State(reason);
        });
    }

    private static void Compare(uint threshold, Func<Rig, string> run)
    {
        using var interpreter = new Rig(static machine => new InterpreterEngine(machine));
        using var translator = new Rig(machine => new TieredEngine(machine, threshold));
        Assert.Equal(run(interpreter), run(translator));
    }
}
