namespace Lguest.Jit.Core.Interpreter;

/// <summary>Whoever made something out of decoded blocks, and has to let go of it when they go.</summary>
internal unsafe interface IBlockListener
{
    /// <summary>The code of <paramref name="block"/> was overwritten; its head has become a tombstone.</summary>
    void Invalidated(GuestBlock* block);

    /// <summary>A link of translated code has got its target, the head of a valid block.</summary>
    void Linked(BlockLink* link);

    /// <summary>All blocks are about to go.</summary>
    void Emptied();

    /// <summary>All blocks of CPL 3 are about to go.</summary>
    void UserEmptied();
}
