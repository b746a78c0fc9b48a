using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;
using static Lguest.Jit.Launcher.Tour.KernelAssembler;

namespace Lguest.Jit.Launcher.Tour;

/// <summary>Code that changes while it runs: Linux patches itself at boot, and so do we.</summary>
internal static class CodeChapter
{
    private const uint Function = TourLayout.CodePage + TourLayout.KernelOffset;
    private const int Rewrites = 1000;

    public static void Emit(KernelAssembler k)
    {
        EmitOtherPage(k);
        EmitNextInstruction(k);
        EmitAlias(k);
    }

    /// <summary>A function of two instructions, rewritten and called a thousand times.</summary>
    private static void EmitOtherPage(KernelAssembler k)
    {
        Assembler c = k.Asm;
        c.mov(__byte_ptr[Function], 0xB8);
        c.mov(__byte_ptr[Function + 5], 0xC3);
        c.mov(edi, Function);
        c.mov(esi, Rewrites);
        CodeLabel next = k.Here();
        c.mov(__dword_ptr[Function + 1], esi);
        c.call(edi);
        k.Expect("result of code just rewritten", eax, esi);
        c.dec(esi);
        c.jne(next);
        k.Report($"a function rewritten and called {Rewrites} times: always the newest");
    }

    /// <summary>A store into the very next instruction: the processor sees it, and so must we.</summary>
    private static void EmitNextInstruction(KernelAssembler k)
    {
        Assembler c = k.Asm;
        CodeLabel patched = k.NewLabel();
        c.mov(esi, 100);
        CodeLabel next = k.Here();
        c.mov(Word(k.AddressOf(patched) + 1), esi);
        k.Mark(patched);
        c.mov(ecx, 0x7FFFFFFF);
        k.Expect("an instruction rewritten by the one before it", ecx, esi);
        c.dec(esi);
        c.jne(next);
        k.Report("an instruction that the one before it rewrites");
    }

    /// <summary>As text_poke does it: through another mapping of the page, with a cpuid before the code is run again.</summary>
    private static void EmitAlias(KernelAssembler k)
    {
        Assembler c = k.Asm;
        PagingChapter.Map(k, TourLayout.FixmapAlias, TourLayout.CodePage | 0x003);
        c.mov(edi, Function);
        c.mov(esi, 100);
        CodeLabel next = k.Here();
        c.mov(Word(TourLayout.FixmapAlias + 1), esi);
        c.xor(eax, eax);
        c.cpuid();
        c.call(edi);
        k.Expect("result of code rewritten through another mapping", eax, esi);
        c.dec(esi);
        c.jne(next);
        k.Report("code rewritten through another mapping of its page");
    }
}
