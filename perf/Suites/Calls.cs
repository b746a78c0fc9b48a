using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Perf.Suites;

/// <summary>Direct calls and their returns: an operation is one call with its return.</summary>
public class Calls : LoopSuite
{
    internal override IReadOnlyDictionary<string, GuestLoop> Loops { get; } = new Dictionary<string, GuestLoop>
    {
        ["one place calls a leaf"] = Places(1, static c =>
        {
            c.add(eax, ebx);
            c.ret();
        }),
        ["16 places call a leaf"] = Places(16, static c =>
        {
            c.add(eax, ebx);
            c.ret();
        }),
        ["64 places call a leaf"] = Places(64, static c =>
        {
            c.add(eax, ebx);
            c.ret();
        }),
        ["with a frame"] = Places(16, static c =>
        {
            c.push(ebp);
            c.mov(ebp, esp);
            c.sub(esp, 8);
            c.mov(__dword_ptr[ebp - 4], eax);
            c.add(eax, __dword_ptr[ebp - 4]);
            c.leave();
            c.ret();
        }),
        ["leaf in another page"] = Places(16, static c =>
        {
            c.add(eax, ebx);
            c.ret();
        }, distance: 4096),
        ["return into the middle of nowhere"] = new(1, static b =>
        {
            // A return that no call belongs to: predictions of returns are no use.
            Assembler c = b.Asm;
            CodeLabel start = b.Here();
            CodeLabel target = b.NewLabel();
            c.push(b.AddressOf(target));
            c.ret();
            b.Mark(target);
            c.jmp(start.Value);
            return start;
        }),
        ["8 deep"] = Nested(8),
        ["recursion, 64 deep"] = new(64, static b =>
        {
            Assembler c = b.Asm;
            CodeLabel function = b.NewLabel();
            CodeLabel done = b.NewLabel();
            CodeLabel start = b.Here();
            c.mov(ecx, 64);
            c.call(function.Value);
            c.jmp(start.Value);
            b.Mark(function);
            c.dec(ecx);
            c.je(done.Value);
            c.call(function.Value);
            b.Mark(done);
            c.ret();
            return start;
        }),
    };

    private static GuestLoop Places(int places, Action<Assembler> function, int distance = 0) => new(places, b =>
    {
        Assembler c = b.Asm;
        CodeLabel callee = b.NewLabel();
        CodeLabel start = b.Here();
        for (int i = 0; i < places; i++)
        {
            c.call(callee.Value);
        }

        c.jmp(start.Value);
        for (int i = 0; i < distance; i++)
        {
            c.db(0xCC);
        }

        b.Mark(callee);
        function(c);
        return start;
    });

    private static GuestLoop Nested(int depth) => new(depth, b =>
    {
        Assembler c = b.Asm;
        CodeLabel[] functions = [.. Enumerable.Range(0, depth).Select(_ => b.NewLabel())];
        CodeLabel start = b.Here();
        c.call(functions[0].Value);
        c.jmp(start.Value);
        for (int i = 0; i < depth; i++)
        {
            b.Mark(functions[i]);
            c.add(eax, ebx);
            if (i + 1 < depth)
            {
                c.call(functions[i + 1].Value);
            }

            c.ret();
        }

        return start;
    });
}
